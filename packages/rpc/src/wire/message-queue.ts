/**
 * A compressed message that nobody has asked for yet. It stays as it came: its bytes are what the window bounds, while
 * what it would become could be a thousand times as much.
 */
export class PackedMessage {
  readonly bytes: Buffer

  /** Copies the bytes. */
  constructor(bytes: Buffer) {
    this.bytes = Buffer.from(bytes)
  }
}

/** Where a queue gives back the credit of what was taken. */
export interface QueueSource {
  /** A message was taken, whose frame had so many bytes and came compressed or not. */
  taken(bytes: number, compressed: boolean): void
  /** Somebody waits and nothing is there. */
  awaited(): void
  /** The reader wants no more. */
  left(): void
  /** The message of a packed one that is taken now; a throw, which the reader gets, when there is none. */
  unpack(packed: PackedMessage): unknown
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(reason: unknown): void
}

const finished: IteratorResult<never, undefined> = { done: true, value: undefined }

/**
 * Messages received and not yet taken, as an async iterator. It is bounded by the stream's window: credit is given back
 * when a message is taken, so a slow reader stops the sender.
 */
export class MessageQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: QueueSource
  readonly #messages: (T | PackedMessage)[] = []
  readonly #bytes: number[] = []
  readonly #compressed: boolean[] = []
  #head = 0
  readonly #waiters: Waiter<T>[] = []
  #ended = false
  #error: unknown = undefined

  constructor(source: QueueSource) {
    this.#source = source
  }

  /** Whether a reader waits for the next message. */
  get wanted(): boolean {
    return this.#waiters.length > 0
  }

  /** A packed message only while nobody waits. */
  push(message: T | PackedMessage, bytes: number, compressed: boolean = false): void {
    if (this.#ended) {
      this.#source.taken(bytes, compressed)
      return
    }
    const waiter = this.#waiters.shift()
    if (waiter === undefined) {
      this.#messages.push(message)
      this.#bytes.push(bytes)
      this.#compressed.push(compressed)
      return
    }
    this.#source.taken(bytes, compressed)
    waiter.resolve({ done: false, value: message as T })
  }

  /** Nothing follows; with an error, that is thrown after what is queued. */
  end(error?: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    for (const waiter of this.#waiters.splice(0)) this.#settle(waiter)
  }

  /** As `end`, and drops what is queued. */
  abort(error: unknown): void {
    this.#messages.length = 0
    this.#bytes.length = 0
    this.#compressed.length = 0
    this.#head = 0
    this.end(error)
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#head < this.#messages.length) {
      const taken = this.#take()
      if (!(taken instanceof PackedMessage)) return Promise.resolve({ done: false, value: taken })
      return this.#unpack(taken)
    }
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      if (this.#ended) this.#settle(waiter)
      else {
        this.#waiters.push(waiter)
        this.#source.awaited()
      }
    })
  }

  /** The reader left the loop. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.abort(undefined)
    this.#source.left()
    return Promise.resolve(finished)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  // oxlint-disable-next-line require-await -- what unpacking throws is the promise's
  async #unpack(packed: PackedMessage): Promise<IteratorResult<T, undefined>> {
    return { done: false, value: this.#source.unpack(packed) as T }
  }

  #take(): T | PackedMessage {
    const value = this.#messages[this.#head] as T | PackedMessage
    const bytes = this.#bytes[this.#head] as number
    const compressed = this.#compressed[this.#head] as boolean
    this.#messages[this.#head] = undefined as T
    this.#head++
    if (this.#head === this.#messages.length) {
      this.#messages.length = 0
      this.#bytes.length = 0
      this.#compressed.length = 0
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages.splice(0, this.#head)
      this.#bytes.splice(0, this.#head)
      this.#compressed.splice(0, this.#head)
      this.#head = 0
    }
    this.#source.taken(bytes, compressed)
    return value
  }

  #settle(waiter: Waiter<T>): void {
    if (this.#error === undefined) waiter.resolve(finished)
    else {
      const error = this.#error
      // An error is told once; whoever asks again finds the end.
      this.#error = undefined
      waiter.reject(error)
    }
  }
}
