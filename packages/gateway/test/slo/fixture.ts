import { createVirtualClock, type Problem, realRandom, type VirtualClock } from '@tidemill/core'
import type { RequestView } from '../../src/dataplane/request-view.ts'
import type { SloGuard } from '../../src/guard/index.ts'
import {
  readSloSpec,
  type SloConfig,
  SloEngine,
  type SloEngineOptions,
  type SloSpec,
} from '../../src/slo/index.ts'

export function config(spec: SloSpec): SloConfig {
  const problems: Problem[] = []
  const read = readSloSpec(spec, '/slo', problems)
  if (read === undefined) throw new Error(JSON.stringify(problems))
  return read
}

/** The guards here look at no request. */
export const view: RequestView = {} as RequestView

export interface Bench {
  readonly clock: VirtualClock
  readonly engine: SloEngine
  readonly open: (route: string, spec: SloSpec) => SloGuard
}

export function bench(options: Partial<SloEngineOptions> = {}): Bench {
  const clock = createVirtualClock()
  const engine = new SloEngine({ clock, random: realRandom, ...options })
  return {
    clock,
    engine,
    open(route, spec) {
      const guard = engine.open(route, { slo: config(spec) })
      if (guard === undefined) throw new Error('no objective')
      return guard
    },
  }
}

export function send(guard: SloGuard, outcome: 'ok' | 'fail' | 'ignore', count: number): void {
  for (let i = 0; i < count; i++) guard.record(outcome, outcome === 'fail' ? 502 : 200, 5)
}
