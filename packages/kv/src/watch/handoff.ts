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
  const asking: PromiseWithResolvers<IteratorResult<T>>[] = []
  let ended: { readonly error: unknown } | undefined
  const over: IteratorResult<T> = { done: true, value: undefined }
  const give = (): void => {
    if (offered === undefined) return
    const first = asking.shift()
    if (first === undefined) return
    const { item, done } = offered
    offered = undefined
    first.resolve({ done: false, value: item })
    // Who has asked for the next one already is done with this one.
    if (asking.length > 0) done()
    else inHand = done
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
      const [first, ...others] = asking.splice(0)
      if (ended.error === undefined) first?.resolve(over)
      else first?.reject(ended.error)
      for (const other of others) other.resolve(over)
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
        const next = Promise.withResolvers<IteratorResult<T>>()
        asking.push(next)
        give()
        return next.promise
      },
      return() {
        onReturn()
        return Promise.resolve(over)
      },
    },
  }
}
