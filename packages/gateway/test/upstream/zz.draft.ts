import { it } from 'node:test'
import { Outcome, request, rig, local } from './rig.ts'
import { StreamServer } from './stream-server.ts'
it('x', async (t) => {
  const opts = { maxConcurrentStreams: 3 }
  const script = ({ stream }: any) => { stream.headers([':status', '200'], false); stream.data(Buffer.from('ok'), true) }
  const servers = [await StreamServer.start(t, script, opts), await StreamServer.start(t, script, opts)]
  const base = { connections: 3, pending: 5, loadBalancer: { panicPercent: 0 } }
  for (let round = 0; round < 200; round++) {
    const { cluster, registry } = rig(t, [...servers.map((s) => s.port), 1, 2], base, { settings: { protocol: 'h2' } })
    const outs = [new Outcome(), new Outcome()]
    const calls = outs.map((o) => cluster.send(request(), o))
    const set = (spec: any) => registry.configure(cluster.name, { protocol: 'h2', tls: undefined, spec: { ...base, ...spec } })
    set({ connections: 1, pending: 2, requestsPerConnection: 1, connectTimeout: '2s' })
    set({ connections: 1, pending: 5, requestsPerConnection: 1, connectTimeout: '1s' })
    set({ connections: 3, pending: 0, requestsPerConnection: 1000, connectTimeout: '1s' })
    const until = performance.now() + 500
    while (!outs.every((o) => o.over) && performance.now() < until) await new Promise((r) => setImmediate(r))
    if (!outs.every((o) => o.over)) {
      console.log(round, JSON.stringify(cluster.stats()), outs.map((o, i) => [o.status, o.failure?.reason, o.over, calls[i]!.host?.key, calls[i]!.attempts]))
      return
    }
    await registry.close()
  }
})
