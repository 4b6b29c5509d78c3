import { createHistogram, type Histogram } from '@tidemill/core'
import { LatencySeries } from './latency-series.ts'
import { statusError } from './status-name.ts'

/** ghz keeps the first million results; so do we, in 21 bytes each. */
const ghzDetails = 1_000_000
/** Messages beyond these are counted together: a server that puts an id into each must not fill the memory. */
const mostErrorTexts = 1000
const otherErrors = '(other errors)'
const chunkSize = 16_384

interface Chunk {
  readonly latency: Float64Array
  readonly endedMs: Float64Array
  readonly status: Uint8Array
  readonly error: Uint32Array
}

/** One result as it was kept. */
export interface ResultDetail {
  /** Nanoseconds, whole. */
  readonly latency: number
  /** End of the call, in milliseconds since the start of the run. */
  readonly endedMs: number
  readonly status: number
  /** Empty when the call succeeded. */
  readonly error: string
}

/**
 * The results of a run. Every result is in the counts and in the histogram; the first million are also kept one by
 * one. Adding a result allocates nothing but a chunk now and then.
 */
export class ResultLog {
  /** Latencies in microseconds of the results that count: successes, or all with `countErrors`. */
  readonly latencies: Histogram = createHistogram()
  readonly series: LatencySeries = new LatencySeries()
  readonly countErrors: boolean
  readonly #mostDetails: number
  readonly #chunks: Chunk[] = []
  readonly #statuses = new Float64Array(256)
  readonly #errors = new Map<string, number>()
  readonly #errorIds = new Map<string, number>()
  readonly #errorTexts: string[] = ['']
  #count = 0
  #failed = 0
  /** Of all results, errors too, because ghz's average is. */
  readonly #seconds = new Float64Array(1)

  constructor(countErrors: boolean, mostDetails: number = ghzDetails) {
    this.countErrors = countErrors
    this.#mostDetails = mostDetails
  }

  /** All results. */
  get count(): number {
    return this.#count
  }

  get failed(): number {
    return this.#failed
  }

  /** How many results {@link details} holds. */
  get kept(): number {
    return Math.min(this.#count, this.#mostDetails)
  }

  get totalSeconds(): number {
    return this.#seconds[0] as number
  }

  /** Adds a result: latency in whole nanoseconds, end in milliseconds since the start, gRPC status and its message. */
  add(latency: number, endedMs: number, status: number, message: string): void {
    const failed = status !== 0
    const index = this.#count++
    const fraction = latency % 1e9
    this.#seconds[0] = (this.#seconds[0] as number) + ((latency - fraction) / 1e9 + fraction / 1e9)
    const code = status & 0xff
    this.#statuses[code] = (this.#statuses[code] as number) + 1
    if (!failed || this.countErrors) this.latencies.record(latency / 1000)
    this.series.record(endedMs, latency / 1e6, failed)
    const error = failed ? this.#noteError(statusError(status, message)) : 0
    if (index >= this.#mostDetails) return
    const at = index % chunkSize
    if (at === 0) this.#chunks.push(newChunk())
    const chunk = this.#chunks[this.#chunks.length - 1] as Chunk
    chunk.latency[at] = latency
    chunk.endedMs[at] = endedMs
    chunk.status[at] = status
    chunk.error[at] = error
  }

  #noteError(text: string): number {
    this.#failed++
    let key = text
    let id = this.#errorIds.get(key)
    if (id === undefined && this.#errorIds.size >= mostErrorTexts) {
      key = otherErrors
      id = this.#errorIds.get(key)
    }
    if (id === undefined) {
      id = this.#errorTexts.push(key) - 1
      this.#errorIds.set(key, id)
    }
    this.#errors.set(key, (this.#errors.get(key) ?? 0) + 1)
    return id
  }

  /** How often each status came, those that did not come left out. */
  statuses(): (readonly [number, number])[] {
    return [...this.#statuses.entries()].filter(([, times]) => times > 0)
  }

  /** How often each error came, at most 1,000 texts and one for all others. */
  errors(): (readonly [string, number])[] {
    return [...this.#errors]
  }

  /** The results that were kept, in the order in which they ended. */
  *details(): Generator<ResultDetail> {
    for (let i = 0; i < this.kept; i++) {
      const chunk = this.#chunks[Math.floor(i / chunkSize)] as Chunk
      const at = i % chunkSize
      yield {
        latency: chunk.latency[at] as number,
        endedMs: chunk.endedMs[at] as number,
        status: chunk.status[at] as number,
        error: this.#errorTexts[chunk.error[at] as number] ?? '',
      }
    }
  }
}

function newChunk(): Chunk {
  return {
    latency: new Float64Array(chunkSize),
    endedMs: new Float64Array(chunkSize),
    status: new Uint8Array(chunkSize),
    error: new Uint32Array(chunkSize),
  }
}
