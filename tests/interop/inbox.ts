/** Items from callbacks, taken one by one: what a pushing interface gives to a pulling reader. */
export class Inbox<T> implements AsyncIterable<T> {
  private readonly items: T[] = []
  private readonly waiting: ((ready: undefined) => void)[] = []
  private outcome: { readonly error: Error | undefined } | undefined

  push(item: T): void {
    this.items.push(item)
    this.wake()
  }

  /** Nothing more comes; with an error the reader gets it after the items. The first end counts. */
  end(error?: Error): void {
    this.outcome ??= { error }
    this.wake()
  }

  /** The next item, or undefined at the end. */
  async take(): Promise<T | undefined> {
    while (true) {
      const item = this.items.shift()
      if (item !== undefined) return item
      if (this.outcome?.error !== undefined) throw this.outcome.error
      if (this.outcome !== undefined) return undefined
      const { promise, resolve } = Promise.withResolvers<undefined>()
      this.waiting.push(resolve)
      await promise
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, undefined> {
    while (true) {
      const item = await this.take()
      if (item === undefined) return undefined
      yield item
    }
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve(undefined)
  }
}
