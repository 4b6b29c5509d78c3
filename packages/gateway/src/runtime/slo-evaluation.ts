import type { Clock } from '@tidemill/core'
import { evaluationMs, type SloCounts, type SloDecision, type SloEngine } from '../slo/index.ts'

/**
 * Evaluates objectives over all workers: once a second they are told what is decided and answer with what they counted;
 * a change is told at once. While no worker answers, decisions lapse in the workers by themselves.
 */
export function evaluateSlo(
  engine: SloEngine,
  ask: (decisions: readonly SloDecision[]) => Promise<readonly (readonly SloCounts[])[]>,
  clock: Clock,
): { stop(): void } {
  let stopped = false
  const exchange = async (): Promise<void> => {
    const answers = await ask(engine.decisions()).catch(() => [])
    for (const counts of answers) engine.absorb(counts)
  }
  const turn = async (): Promise<void> => {
    await exchange()
    if (!stopped && engine.evaluate()) await exchange()
    arm()
  }
  const arm = (): void => {
    if (!stopped) timer = clock.timer(evaluationMs, () => void turn(), { ref: false })
  }
  let timer = clock.timer(evaluationMs, () => void turn(), { ref: false })
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
