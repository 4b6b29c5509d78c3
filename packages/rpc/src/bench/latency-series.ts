import { createHistogram, type Histogram } from '@tidemill/core'

/** One stretch of a run. Latencies are milliseconds. */
export interface SeriesPoint {
  /** Start, in milliseconds since the run began. */
  readonly fromMs: number
  readonly widthMs: number
  readonly count: number
  readonly errors: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const mostCells = 120

/**
 * Latency over the time of a run in at most 120 cells: when the run outgrows them, neighbours are merged and the width
 * doubles, so that memory stays the same however long it runs.
 */
export class LatencySeries {
  #widthMs: number
  #cells: Histogram[] = []
  #errors: number[] = []

  constructor(widthMs = 100) {
    this.#widthMs = widthMs
  }

  /** Adds a call that ended `atMs` after the start. */
  record(atMs: number, latencyMs: number, failed: boolean): void {
    let cell = Math.floor(atMs / this.#widthMs)
    if (cell < 0) cell = 0
    while (cell >= mostCells) {
      this.#merge()
      cell = Math.floor(atMs / this.#widthMs)
    }
    while (this.#cells.length <= cell) {
      this.#cells.push(createHistogram())
      this.#errors.push(0)
    }
    ;(this.#cells[cell] as Histogram).record(latencyMs)
    if (failed) this.#errors[cell] = (this.#errors[cell] as number) + 1
  }

  #merge(): void {
    const cells: Histogram[] = []
    const errors: number[] = []
    for (let i = 0; i < this.#cells.length; i += 2) {
      const cell = this.#cells[i] as Histogram
      const next = this.#cells[i + 1]
      if (next !== undefined) cell.merge(next)
      cells.push(cell)
      errors.push((this.#errors[i] as number) + (this.#errors[i + 1] ?? 0))
    }
    this.#cells = cells
    this.#errors = errors
    this.#widthMs *= 2
  }

  points(): SeriesPoint[] {
    return this.#cells.map((cell, i) => ({
      fromMs: i * this.#widthMs,
      widthMs: this.#widthMs,
      count: cell.count,
      errors: this.#errors[i] ?? 0,
      p50: cell.percentile(50),
      p99: cell.percentile(99),
      max: cell.max,
    }))
  }
}
