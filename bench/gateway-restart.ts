import { setTimeout as delay } from 'node:timers/promises'
import { Lanes } from './gateway/lanes.ts'
import { defineBench } from './lib/bench.ts'

const restarts = 20
const requests = 200_000

export const bench = defineBench({
  name: 'gateway-restart',
  about: `${restarts} rolling restarts of two workers under 32 keep-alive connections and 4 of HTTP/2 with 8 streams each`,
  claims: [
    {
      id: 'restarts',
      about: 'restarts under load',
      unit: 'restarts',
      target: { atLeast: restarts },
    },
    { id: 'requests', about: 'requests sent', unit: 'requests', target: { atLeast: requests } },
    { id: 'failed', about: 'requests that failed', unit: 'requests', target: { atMost: 0 } },
  ],
  async run(ctx) {
    await using lanes = await Lanes.open()
    const upstream = await lanes.upstream()
    const gateway = await lanes.unpinned('our-gateway.ts', [
      '--upstream',
      `${upstream.port}`,
      '--workers',
      '2',
    ])
    const load = lanes.keptLoad(gateway, requests)
    const state = { running: true }
    const figures = load.finally(() => {
      state.running = false
    })
    const settled = figures.then(
      () => undefined,
      () => undefined,
    )
    let done = 0
    const said = (): number => gateway.log().match(/^restarted$/gmu)?.length ?? 0
    await delay(1000)
    while (done < restarts && state.running) {
      const before = said()
      process.kill(gateway.pid, 'SIGUSR2')
      const deadline = performance.now() + 60_000
      while (said() === before) {
        if (/restart failed/u.test(gateway.log())) throw new Error(gateway.log())
        if (performance.now() > deadline) throw new Error(`no restart in 60 s\n${gateway.log()}`)
        await delay(20)
      }
      if (state.running) done++
      ctx.progress(`restart ${done} of ${restarts}`)
    }
    lanes.enoughLoad()
    await settled
    const { sent, failed, faults, reconnects } = await figures
    ctx.note(
      `node:http with keep-alive and node:http2 as clients, no retries; ${reconnects} connections replaced`,
    )
    if (failed > 0) ctx.note(`failures: ${JSON.stringify(faults)}`)
    ctx.value('restarts', done)
    ctx.value('requests', sent)
    ctx.value('failed', failed)
  },
})
