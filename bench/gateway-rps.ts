import { defineBench } from './lib/bench.ts'
import { ratio, summarize } from './lib/measure.ts'
import { Lanes, load, type LoadFigures, pinning, steadyLoad } from './gateway/lanes.ts'

const lanesOf = ['ours', 'bare', 'envoy', 'nginx', 'mux', 'caddy', 'fastify'] as const
type Lane = (typeof lanesOf)[number]

/** One of the thousand routes. */
const target = '/r500/orders/7'
const rounds = 5
const seconds = 3

export const bench = defineBench({
  name: 'gateway-rps',
  about:
    'Proxying a 101-byte answer, one core for the proxy, 64 keep-alive connections of wrk; ours with 1,000 routes, breaker, limit, metrics and access log, the peers with one route and nothing else',
  peers: ['fastify', '@fastify/http-proxy'],
  claims: [
    {
      id: 'mux',
      about: 'CPU a request: gorilla/mux with ReverseProxy to ours',
      unit: 'x',
      target: { atLeast: 2.5 },
    },
    { id: 'caddy', about: 'CPU a request: Caddy to ours', unit: 'x', target: { atLeast: 2.5 } },
    {
      id: 'envoy',
      about: 'CPU a request: Envoy with one worker to ours',
      unit: 'x',
      target: { atLeast: 1.5 },
    },
    {
      id: 'fastify',
      about: 'CPU a request: fastify with @fastify/http-proxy to ours',
      unit: 'x',
      target: { atLeast: 3 },
    },
    {
      id: 'nginx',
      about: 'CPU a request: nginx with proxy_pass to ours',
      unit: 'x',
      target: { atLeast: 0.65 },
    },
    {
      id: 'policy',
      about: 'CPU a request that all policies add to our bare proxy',
      unit: '%',
      target: { atMost: 10 },
    },
    {
      id: 'p99-full',
      about: 'p99 at full load: ours to Envoy',
      unit: 'x',
      target: { atMost: 1 },
    },
    {
      id: 'p99-half',
      about: "p99 at half of Envoy's rate, open loop: ours to Envoy",
      unit: 'x',
      target: { atMost: 1 },
    },
  ],
  async run(ctx) {
    ctx.note(pinning)
    await using lanes = await Lanes.open()
    const upstream = await lanes.upstream()
    const to = ['--upstream', `${upstream.port}`]
    const proxies = {
      ours: await lanes.program('our-gateway.ts', [
        ...to,
        '--policies',
        'all',
        '--access-log',
        `${lanes.dir}/access.log`,
      ]),
      bare: await lanes.program('our-gateway.ts', [...to, '--policies', 'none']),
      envoy: await lanes.envoy(upstream.port),
      nginx: await lanes.nginx(upstream.port),
      mux: await lanes.mux(upstream.port),
      caddy: await lanes.caddy(upstream.port),
      fastify: await lanes.program('fastify-proxy.ts', to),
    }
    const seen = new Map<Lane, LoadFigures[]>(lanesOf.map((lane) => [lane, []]))
    const slice = (lane: Lane) => async (): Promise<number> => {
      const figures = await load(proxies[lane], target, seconds)
      seen.get(lane)?.push(figures)
      return figures.cpuUs
    }
    const cpu = await ctx.alternate({
      measure: 'cost',
      unit: 'us a request',
      rounds,
      lanes: {
        ours: slice('ours'),
        bare: slice('bare'),
        envoy: slice('envoy'),
        nginx: slice('nginx'),
        mux: slice('mux'),
        caddy: slice('caddy'),
        fastify: slice('fastify'),
      },
    })
    const of = (lane: Lane, pick: (figures: LoadFigures) => number, unit: string) =>
      // The first slice was the warm-up.
      summarize(
        lane,
        unit === 'ms' ? 'cost' : 'rate',
        unit,
        (seen.get(lane) ?? []).slice(1).map(pick),
      )
    for (const lane of lanesOf) {
      const rate = of(lane, (one) => one.rate, 'requests/s')
      const p99 = of(lane, (one) => one.p99Ms, 'ms')
      ctx.note(
        `${lane}: ${rate.median.toFixed(0)} requests/s (ours: ${ratio(
          of('ours', (one) => one.rate, 'requests/s'),
          rate,
        ).toFixed(2)} times), p99 ${p99.median.toFixed(2)} ms`,
      )
    }
    ctx.ratio('mux', cpu.ours, cpu.mux)
    ctx.ratio('caddy', cpu.ours, cpu.caddy)
    ctx.ratio('envoy', cpu.ours, cpu.envoy)
    ctx.ratio('fastify', cpu.ours, cpu.fastify)
    ctx.ratio('nginx', cpu.ours, cpu.nginx)
    ctx.value('policy', Math.max(0.01, (1 / ratio(cpu.ours, cpu.bare) - 1) * 100))
    const full = (lane: Lane) => of(lane, (one) => one.p99Ms, 'ms')
    ctx.value('p99-full', 1 / ratio(full('ours'), full('envoy')))
    const half = of('envoy', (one) => one.rate, 'requests/s').median / 2
    ctx.note(`half load: ${half.toFixed(0)} requests/s`)
    const steady = (lane: 'ours' | 'envoy') => async (): Promise<number> => {
      const { p99Ms, errors } = await steadyLoad(proxies[lane], target, half, seconds)
      if (errors > 0) throw new Error(`${lane}: ${errors} errors at half load`)
      return p99Ms
    }
    const calm = await ctx.alternate({
      measure: 'cost',
      unit: 'ms p99 at half load',
      rounds: 3,
      lanes: { oursHalf: steady('ours'), envoyHalf: steady('envoy') },
    })
    ctx.value('p99-half', 1 / ratio(calm.oursHalf, calm.envoyHalf))
  },
})
