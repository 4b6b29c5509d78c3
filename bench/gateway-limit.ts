import { Lanes, limitedLoad } from './gateway/lanes.ts'
import { defineBench } from './lib/bench.ts'

const workers = 2
const perSecond = 1000
const overload = 5
const seconds = 8
/** `--policies limit` of our-gateway.ts allows so many at once. */
const burst = 100

export const bench = defineBench({
  name: 'gateway-limit',
  about: `A limit of ${perSecond} requests a second shared by ${workers} workers, ${overload} times as many sent in an open loop`,
  claims: [
    {
      id: 'accuracy',
      about: 'admitted requests, off from rate x time + burst',
      unit: '%',
      target: { atMost: 3 },
    },
  ],
  async run(ctx) {
    await using lanes = await Lanes.open()
    const upstream = await lanes.upstream()
    const gateway = await lanes.unpinned('our-gateway.ts', [
      '--upstream',
      `${upstream.port}`,
      '--workers',
      `${workers}`,
      '--policies',
      'limit',
      '--limit',
      `${perSecond}`,
    ])
    const off = await ctx.alternate({
      measure: 'cost',
      unit: '% off',
      rounds: 3,
      lanes: {
        ours: async () => {
          const rate = perSecond * overload
          const { admitted, refused, errors, elapsedMs } = await limitedLoad(gateway, rate, seconds)
          if (errors > 0) throw new Error(`${errors} requests failed`)
          const sent = admitted + refused
          if (sent < 0.98 * rate * seconds) throw new Error(`only ${sent} requests were answered`)
          const right = (perSecond * elapsedMs) / 1000 + burst
          const percent = (100 * (admitted - right)) / right
          ctx.note(
            `admitted ${admitted} of ${sent}, exact ${right.toFixed(0)}: ${percent.toFixed(2)} %`,
          )
          // A slice of exactly 0 is none.
          return Math.max(0.001, Math.abs(percent))
        },
      },
    })
    ctx.value('accuracy', off.ours.max)
  },
})
