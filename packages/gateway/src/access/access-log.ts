import type { Clock, Random } from '@tidemill/core'
import type { AccessFormat } from './access-format.ts'
import type { AccessRecord } from './access-record.ts'
import { LineWriter } from './line-writer.ts'
import type { LogSink } from './log-sink.ts'

export interface AccessLogOptions {
  readonly spec: AccessLogSpec
  readonly sink: LogSink
  readonly clock: Clock
  readonly random: Random
}

/** Settings of a log, checked. */
export interface AccessLogSpec {
  readonly format: AccessFormat
  /** Part of the requests that is written. */
  readonly sample: number
  /** Whether requests with a flag or a status of 500 and above are always written. */
  readonly sampleErrors: boolean
  readonly flushMs: number
  /** Most bytes that wait to be written. */
  readonly bufferBytes: number
  /** Path of a file; `stdout` and `stderr` are those streams. */
  readonly path: string
}

export interface AccessLogStats {
  /** Lines taken since the log was opened. */
  readonly lines: number
  /** Lines thrown away because the buffer was full or the log closed. */
  readonly dropped: number
  /** Lines whose writing failed. */
  readonly failed: number
  readonly pendingBytes: number
  /** Why the last write or reopening failed; empty when it did not. */
  readonly failure: string
}

interface Chunk {
  readonly buffer: Buffer
  at: number
  lines: number
}

const closeMs = 2000

/**
 * Lines gather in chunks of fixed memory and go out together; logging never waits. When writing is slower than the
 * requests, lines are dropped and counted.
 */
export class AccessLog {
  readonly #spec: AccessLogSpec
  readonly #sink: LogSink
  readonly #clock: Clock
  readonly #random: Random
  readonly #writer = new LineWriter()
  readonly #chunkBytes: number
  readonly #mostChunks: number
  readonly #free: Chunk[] = []
  /** Full ones, oldest first. */
  readonly #queue: Chunk[] = []
  readonly #flush: () => void
  #made = 0
  #current: Chunk
  #busy = false
  #armed = false
  #closed = false
  #reopen = false
  #lines = 0
  #dropped = 0
  #failed = 0
  #failure = ''
  #idle: (() => void)[] = []

  constructor(options: AccessLogOptions) {
    this.#spec = options.spec
    this.#sink = options.sink
    this.#clock = options.clock
    this.#random = options.random
    const { worst } = options.spec.format
    // A line begins only where its longest form has room; four of those waste little.
    this.#chunkBytes = Math.max(4 * worst, Math.min(256 * 1024, options.spec.bufferBytes >> 2))
    this.#mostChunks = Math.max(2, Math.floor(options.spec.bufferBytes / this.#chunkBytes))
    this.#current = this.#another()
    this.#flush = () => {
      this.#armed = false
      this.#pump()
    }
  }

  /** Takes what the record says now. */
  log(record: AccessRecord): void {
    const { format, sample } = this.#spec
    if (sample < 1 && !this.#sampled(record)) return
    const chunk = this.#roomy(format.worst)
    if (chunk === undefined) {
      this.#dropped++
      return
    }
    const writer = this.#writer
    writer.begin(chunk.buffer, chunk.at)
    format.write(writer, record)
    chunk.at = writer.at
    chunk.lines++
    this.#lines++
    if (!this.#armed) this.#arm()
  }

  /** Begins a new file, after what was logged before; for SIGHUP after a rotation. */
  reopen(): void {
    if (this.#closed) return
    this.#reopen = true
    this.#pump()
  }

  stats(): AccessLogStats {
    let pendingBytes = this.#current.at
    for (const chunk of this.#queue) pendingBytes += chunk.at
    return {
      lines: this.#lines,
      dropped: this.#dropped,
      failed: this.#failed,
      pendingBytes,
      failure: this.#failure,
    }
  }

  /** Resolves when everything that was logged before is written or has failed. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve)
      this.#pump()
    })
  }

  /** Writes what waits, for at most 2 s, and closes the sink. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const late = new Promise<void>((resolve) => {
      const timer = this.#clock.timer(closeMs, resolve, { ref: false })
      this.#idle.push(() => timer.cancel())
    })
    await Promise.race([this.flush(), late])
    if (this.#busy) {
      // The write under way holds the sink; it is left to its end.
      for (const chunk of this.#queue.splice(0)) this.#dropped += chunk.lines
      this.#dropped += this.#current.lines
      this.#current.at = 0
      this.#current.lines = 0
      return
    }
    await new Promise<void>((resolve) => {
      this.#sink.close(resolve)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #sampled(record: AccessRecord): boolean {
    const failed = record.status >= 500 || record.flag !== ''
    return (failed && this.#spec.sampleErrors) || this.#random.next() < this.#spec.sample
  }

  #roomy(bytes: number): Chunk | undefined {
    if (this.#closed) return undefined
    const chunk = this.#current
    if (chunk.at + bytes <= this.#chunkBytes) return chunk
    let next = this.#free.pop()
    if (next === undefined) {
      if (this.#made >= this.#mostChunks) return undefined
      next = this.#another()
    }
    this.#queue.push(chunk)
    this.#current = next
    this.#pump()
    return next
  }

  #arm(): void {
    this.#armed = true
    this.#clock.timer(this.#spec.flushMs, this.#flush, { ref: false })
  }

  /** Starts the next operation on the sink unless one runs. */
  #pump(): void {
    if (this.#busy) return
    let chunk = this.#queue.shift()
    if (chunk === undefined && this.#current.at > 0) {
      chunk = this.#current
      this.#current = this.#free.pop() ?? this.#another()
    }
    if (chunk !== undefined) this.#write(chunk)
    else if (this.#reopen) {
      this.#reopen = false
      this.#busy = true
      this.#sink.reopen((error) => this.#over(error))
    } else {
      const idle = this.#idle
      this.#idle = []
      for (const done of idle) done()
    }
  }

  #another(): Chunk {
    this.#made++
    return { buffer: Buffer.allocUnsafeSlow(this.#chunkBytes), at: 0, lines: 0 }
  }

  #write(chunk: Chunk): void {
    this.#busy = true
    this.#sink.write(chunk.buffer.subarray(0, chunk.at), (error) => {
      if (error !== undefined) this.#failed += chunk.lines
      chunk.at = 0
      chunk.lines = 0
      this.#free.push(chunk)
      this.#over(error)
    })
  }

  #over(error: unknown): void {
    this.#busy = false
    this.#failure = error === undefined ? '' : error instanceof Error ? error.message : 'failed'
    // What came meanwhile waits for the next flush, unless somebody waits for it.
    const hurry = this.#queue.length > 0 || this.#reopen || this.#idle.length > 0
    if (hurry) this.#pump()
    else if (this.#current.at > 0 && !this.#armed) this.#arm()
  }
}
