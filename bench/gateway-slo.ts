import { setTimeout as delay } from 'node:timers/promises'
import { createSeededRandom, createVirtualClock } from '@tidemill/core'
import { readSloSpec, SloEngine } from '@tidemill/gateway/slo'
import { defineBench } from './lib/bench.ts'

const objective = 99.9
const perSecond = 100
/** Burn rate 14.4 over an hour: the part of it that must be bad before anybody can know, at a steady rate. */
const floorSeconds = 14.4 * (1 - objective / 100) * 3600
/** Parts of a second between the last evaluation and the outage. */
const phases = [0, 0.25, 0.5, 0.75]

export const bench = defineBench({
  name: 'gateway-slo',
  about: `A total outage of a route with an objective of ${objective} % after a healthy hour at ${perSecond} requests a second, until the route is opened`,
  claims: [
    {
      id: 'floor',
      about: `away from the floor of ${floorSeconds.toFixed(2)} s, before or after it, the worst of ${phases.length}`,
      unit: 's',
      target: { atMost: 1 },
    },
  ],
  async run(ctx) {
    ctx.note('the engine with its own timer; virtual time until 51 s, real time from there on')
    const seconds: number[] = []
    for (const phase of phases) {
      ctx.progress(`outage ${phase} s after an evaluation`)
      seconds.push(await untilAction(phase))
    }
    ctx.note(`acted after ${seconds.map((one) => one.toFixed(2)).join(', ')} s`)
    ctx.value('floor', Math.max(...seconds.map((one) => Math.abs(one - floorSeconds))))
  },
})

/** Seconds from the beginning of the outage to the action. */
async function untilAction(phase: number): Promise<number> {
  const clock = createVirtualClock()
  await using engine = new SloEngine({ clock, random: createSeededRandom(1) })
  const slo = readSloSpec({ objective, actions: [{ on: 'page-fast', action: 'open' }] }, '', [])
  if (slo === undefined) throw new TypeError('the objective is not valid')
  const guard = engine.open('default/orders', { slo })
  if (guard === undefined) throw new TypeError('the route has no objective')
  const action = (): string => engine.snapshot()[0]?.action ?? 'none'

  const stepMs = 1000 / perSecond
  const run = async (ms: number, outcome: 'ok' | 'fail'): Promise<void> => {
    for (let at = stepMs; at <= ms; at += stepMs) {
      await clock.advance(stepMs)
      guard.record(outcome, outcome === 'ok' ? 200 : 503, 1)
    }
  }
  // Long steps do for the healthy hour: ten requests each tenth of a second.
  for (let tenth = 0; tenth < 36_000; tenth++) {
    await clock.advance(100)
    for (let i = 0; i < perSecond / 10; i++) guard.record('ok', 200, 1)
  }
  await run(phase * 1000, 'ok')
  const began = clock.monotonic()
  await run(Math.floor(floorSeconds) * 1000, 'fail')
  if (action() !== 'none') return (clock.monotonic() - began) / 1000
  const realFrom = performance.now()
  const virtualFrom = clock.monotonic()
  let sent = 0
  while (action() === 'none') {
    await delay(1)
    const passed = performance.now() - realFrom
    if (passed > 30_000) throw new Error('no action 30 s after the floor')
    for (; sent * stepMs < passed; sent++) guard.record('fail', 503, 1)
    await clock.advance(virtualFrom + passed - clock.monotonic())
  }
  return (clock.monotonic() - began) / 1000
}
