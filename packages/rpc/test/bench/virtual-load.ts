import assert from 'node:assert/strict'
import { createSeededRandom, createVirtualClock, type VirtualClock } from '@tidemill/core'
import type { BenchConfig } from '../../src/bench/bench-config.ts'
import { planBench } from '../../src/bench/bench-plan.ts'
import { type BenchCell, type BenchProgress, runBench } from '../../src/bench/bench-run.ts'
import type { BenchReport } from '../../src/bench/report.ts'
import { orderMethod } from './order-registry.ts'
import {
  type ScriptOptions,
  type ScriptedTransport,
  scriptedTransport,
} from './scripted-transport.ts'

export interface Ran {
  readonly report: BenchReport
  readonly transport: ScriptedTransport
  readonly cell: BenchCell
}

export type Script = Partial<Omit<ScriptOptions, 'clock'>>

export interface RunParts {
  readonly method?: 'Place' | 'Upload' | 'Watch' | 'Talk'
  readonly data?: string
  readonly metadata?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: BenchProgress) => void
  /** Called each millisecond of the virtual clock. */
  readonly each?: (transport: ScriptedTransport, clock: VirtualClock) => void
}

/** Moves the clock by milliseconds until the promise is settled. */
export async function turn<T>(
  clock: VirtualClock,
  running: Promise<T>,
  each: () => void,
): Promise<T> {
  const state = { settled: false }
  const settle = (): void => void (state.settled = true)
  running.then(settle, settle)
  for (let ms = 0; ms < 60_000 && !state.settled; ms++) {
    await clock.advance(1)
    each()
  }
  return running
}

/** Runs a load on a virtual clock, a millisecond at a time. */
export async function load(
  config: BenchConfig,
  script: Script = {},
  parts: RunParts = {},
): Promise<Ran> {
  const clock = createVirtualClock()
  const transport = scriptedTransport({ clock, answer: () => ({ afterMs: 1 }), ...script })
  const method = parts.method ?? 'Place'
  const whole = { host: 'server.example:50051', call: `shop.v1.Orders.${method}`, ...config }
  const running = runBench({
    config: whole,
    plan: planBench(whole),
    method: orderMethod(method),
    data: parts.data,
    metadata: parts.metadata,
    transport,
    clock,
    random: createSeededRandom(1),
    ...(parts.signal === undefined ? {} : { signal: parts.signal }),
    ...(parts.onProgress === undefined ? {} : { onProgress: parts.onProgress }),
  })
  const cells = await turn(clock, running, () => parts.each?.(transport, clock))
  const cell = cells[0]
  assert.ok(cell)
  return { report: cell.report, transport, cell }
}

/** Milliseconds of nanoseconds. */
export const ms = (ns: number): number => ns / 1e6
