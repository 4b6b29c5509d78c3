/** Turns "call me with each item and wait" into "ask me for each item": `put` resolves when the next one is asked for. */
export interface Handoff<T> {
  put(item: T): Promise<void>
  /** Ends the iteration, with an error when one is given. */
  end(error?: unknown): void
  readonly iterator: AsyncIterator<T>
}

export function createHandoff<T>(onReturn: () => void): Handoff<T> {
  let offered: { readonly item: T; readonly done: () => void } | undefined
  let inHand: (() => void) | undefined
  let asking: PromiseWithResolvers<IteratorResult<T>> | undefined
  let ended: { readonly error: unknown } | undefined
  const over: IteratorResult<T> = { done: true, value: undefined }
  const give = (): void => {
    if (asking === undefined || offered === undefined) return
    inHand = offered.done
    asking.resolve({ done: false, value: offered.item })
    asking = undefined
    offered = undefined
  }
  return {
    put: (item) =>
      new Promise((done) => {
        offered = { item, done }
        give()
      }),
    end(error) {
      ended ??= { error }
      offered = undefined
      inHand?.()
      if (asking === undefined) return
      if (ended.error === undefined) asking.resolve(over)
      else asking.reject(ended.error)
      asking = undefined
    },
    iterator: {
      next() {
        inHand?.()
        inHand = undefined
        if (ended !== undefined) {
          if (ended.error === undefined) return Promise.resolve(over)
          const { error } = ended
          ended = { error: undefined }
          return Promise.reject(error)
        }
        asking = Promise.withResolvers()
        const { promise } = asking
        give()
        return promise
      },
      return() {
        onReturn()
        return Promise.resolve(over)
      },
    },
  }
}
