import { setTimeout as delay } from 'node:timers/promises'
import { openLocalRuntime } from '../packages/gateway/src/runtime/index.ts'
import { Churn, type ChurnFigures } from './gateway/churn.ts'
import { Lanes, pinning, steadyLoad } from './gateway/lanes.ts'
import { everyPolicy, httpRoute, routePolicy } from './gateway/objects.ts'
import { defineBench } from './lib/bench.ts'
import { median, ratio } from './lib/measure.ts'

const routes = 5000
const changesPerSecond = 50
const rate = 5000
const seconds = 4

export const bench = defineBench({
  name: 'gateway-churn',
  about: `${changesPerSecond} route changes a second on ${routes} routes, under ${rate} requests a second in an open loop`,
  claims: [
    {
      id: 'delay',
      about: 'longest time that a change keeps the process from its requests',
      unit: 'ms',
      target: { atMost: 1 },
    },
    {
      id: 'p99',
      about: 'p99 with the changes to p99 without',
      unit: 'x',
      target: { atMost: 1.1 },
    },
    {
      id: 'cpu',
      about: 'CPU of one change of one route, with nothing else to do',
      unit: 'us',
      target: { atMost: 50 },
    },
  ],
  async run(ctx) {
    ctx.note(pinning)
    await using lanes = await Lanes.open()
    const upstream = await lanes.upstream()
    const gateway = await lanes.program('our-gateway.ts', [
      '--upstream',
      `${upstream.port}`,
      '--policies',
      'all',
      '--routes',
      `${routes}`,
      '--churn',
      `${changesPerSecond}`,
      '--access-log',
      `${lanes.dir}/access.log`,
    ])
    const figures: ChurnFigures[] = []
    const calm = async (): Promise<number> => {
      const { p99Ms, errors } = await steadyLoad(gateway, '/r0/x', rate, seconds)
      if (errors > 0) throw new Error(`${errors} of the requests failed`)
      return p99Ms
    }
    const changing = async (): Promise<number> => {
      const reports = (): string[] => gateway.log().match(/^churn .*$/gmu) ?? []
      const before = reports().length
      process.kill(gateway.pid, 'SIGUSR2')
      const p99Ms = await calm()
      process.kill(gateway.pid, 'SIGUSR2')
      while (reports().length === before) await delay(10)
      figures.push(JSON.parse(reports().at(-1)?.slice('churn '.length) ?? '') as ChurnFigures)
      return p99Ms
    }
    const p99 = await ctx.alternate({
      measure: 'cost',
      unit: 'ms p99',
      rounds: 5,
      lanes: { changing, calm },
    })
    const measured = figures.slice(1)
    const changes = measured.reduce((sum, one) => sum + one.changes, 0)
    ctx.note(
      `${changes} changes under load: median ${median(measured.map((one) => one.medianMs)).toFixed(3)} ms each, wall time of the turn, collections of garbage included`,
    )
    ctx.value('delay', Math.max(...measured.map((one) => one.maxMs)))
    ctx.value('p99', 1 / ratio(p99.changing, p99.calm))

    await using runtime = openLocalRuntime({ implicitListener: { address: '127.0.0.1', port: 0 } })
    await runtime.setBackends({ 'default/web': [`127.0.0.1:${upstream.port}`] })
    const objects = Array.from({ length: routes }, (_, i) => [
      httpRoute(`r${i}`, `/r${i}`),
      routePolicy(`r${i}`, 'HTTPRoute', everyPolicy),
    ]).flat()
    await runtime.apply(objects, 1, true)
    const churn = new Churn(runtime, changesPerSecond)
    const cpu = await ctx.alternate({
      measure: 'cost',
      unit: 'us of CPU a change',
      rounds: 5,
      lanes: { change: () => churn.cpuMicros(2000) },
    })
    ctx.value('cpu', cpu.change)
  },
})
