import { setImmediate as turn } from 'node:timers/promises'
import type { GatewayRuntime } from '../../packages/gateway/src/runtime/index.ts'
import { httpRoute } from './objects.ts'

export interface ChurnFigures {
  readonly changes: number
  /** Longest and usual time for which the process does nothing but bring a change into force. */
  readonly maxMs: number
  readonly medianMs: number
}

/** Changes one route after the other at a steady rate: each gets another path below its own, and loses it again. */
export class Churn {
  readonly #runtime: GatewayRuntime
  readonly #perSecond: number
  readonly #times: number[] = []
  #timer: NodeJS.Timeout | undefined
  #next = 0

  constructor(runtime: GatewayRuntime, perSecond: number) {
    this.#runtime = runtime
    this.#perSecond = perSecond
  }

  get running(): boolean {
    return this.#timer !== undefined
  }

  start(): void {
    this.#times.length = 0
    this.#timer = setInterval(() => void this.#change(), 1000 / this.#perSecond)
  }

  stop(): ChurnFigures {
    clearInterval(this.#timer)
    this.#timer = undefined
    const times = this.#times.toSorted((a, b) => a - b)
    const changes = times.length
    return { changes, maxMs: times.at(-1) ?? 0, medianMs: times[changes >> 1] ?? 0 }
  }

  /** CPU time of one change, microseconds: `count` changes with nothing else to do, collection of garbage included. */
  async cpuMicros(count: number): Promise<number> {
    const before = process.cpuUsage()
    for (let i = 0; i < count; i++) {
      await this.#change()
      if (i % 50 === 49) await turn()
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / count
  }

  async #change(): Promise<void> {
    const i = this.#next++
    // The first 5,000 routes; `/r0` itself carries the load and stays.
    const name = `r${1 + (i % 4999)}`
    const revision = 2 + i
    const changes = [httpRoute(name, i % 9998 < 4999 ? `/${name}/v2` : `/${name}`, revision)]
    const started = performance.now()
    const applied = this.#runtime.apply(changes, revision, false)
    this.#times.push(performance.now() - started)
    await applied
  }
}
