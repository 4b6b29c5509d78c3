/** Mutated requests through the gateway into a recorder of bytes: it matched and logged what the upstream received. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createSeededRandom } from '@tidemill/core'
import { type GatewayRuntime, openLocalRuntime } from '../../packages/gateway/src/runtime/index.ts'
import { mutated, seeds } from './payloads.ts'
import { Recorder } from './recorder.ts'
import type { StrictRequest } from './strict-parser.ts'

type Record = Awaited<ReturnType<GatewayRuntime['requests']>>[number]

function route(name: string, value: string) {
  const rules = [
    {
      matches: [{ path: { type: 'PathPrefix', value } }],
      backendRefs: [{ name: 'web', port: 80 }],
    },
  ]
  const text = JSON.stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'default' },
    spec: { rules },
  })
  return { kind: 'HTTPRoute', key: `default/${name}`, text, revision: 1 }
}

/** Sends the bytes and its end; resolves when the gateway has closed. */
function send(port: number, bytes: Buffer, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: address, noDelay: true })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(
        new Error(`the gateway did not close after ${JSON.stringify(bytes.toString('latin1'))}`),
      )
    }, 10_000)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.resume()
    socket.end(bytes)
  })
}

/** The route by the law of prefixes, from what the upstream received. */
function routeOf(path: string): string {
  for (const name of ['a', 'b']) {
    if (path === `/${name}` || path.startsWith(`/${name}/`)) return `default/${name}`
  }
  return 'default/all'
}

/** What the log says otherwise than the upstream. */
function differences(request: StrictRequest, record: Record): string[] {
  const header = (name: string): string => request.headers.find(([one]) => one === name)?.[1] ?? ''
  const path = request.target.split('?', 1)[0] ?? ''
  const pairs: readonly (readonly [string, string | number, string | number])[] = [
    ['id', record.requestId, header('x-request-id')],
    ['method', record.method, request.method],
    ['path', record.path, path],
    ['host', record.host, header('host')],
    ['route', record.route, routeOf(path)],
    // A body that was cut short: how much of it the upstream has seen is a matter of time.
    ['bytes', request.complete ? record.bytesIn : 0, request.complete ? request.body.length : 0],
  ]
  return pairs
    .filter(([, logged, received]) => logged !== received)
    .map(([what, logged, received]) => `${what} logged ${logged}, received ${received}`)
}

test('what the gateway matches and logs is what the upstream receives, whatever clients send', async (t) => {
  const runs = Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 20_000)
  const recorder = new Recorder()
  t.after(() => recorder.close())
  const upstream = await recorder.listen()
  await using runtime = openLocalRuntime({
    implicitListener: { address: '127.0.0.1', port: 0 },
    requestLogSize: 64,
  })
  await runtime.setBackends({ 'default/web': [`127.0.0.1:${upstream}`] })
  await runtime.apply([route('all', '/'), route('a', '/a'), route('b', '/b')], 1, true)
  const port = runtime.sockets()[0]?.boundPort ?? 0
  const random = createSeededRandom(0x6a)
  let forwarded = 0
  let refused = 0
  /** Id of the last request that is checked. */
  let newest = ''

  /** Ids of the requests since the last run that the upstream answered. */
  const answered = async (): Promise<string[]> => {
    const fresh: string[] = []
    for (const { requestId, endpoint, flag } of await runtime.requests(64)) {
      if (requestId === newest) break
      if (endpoint !== '' && flag === '') fresh.push(requestId)
    }
    return fresh
  }
  for (let run = 0; run < runs; run++) {
    const seed = seeds[run]
    const bytes = seed === undefined ? mutated(random) : Buffer.from(seed, 'latin1')
    await send(port, bytes, `127.0.0.${2 + (run % 200)}`)
    const [wrong, requests] = [[] as string[], [] as StrictRequest[]]
    const idOf = ({ headers }: StrictRequest): string =>
      headers.find(([name]) => name === 'x-request-id')?.[1] ?? ''
    const missing = async (): Promise<readonly string[]> => {
      const taken = recorder.take()
      wrong.push(...taken.wrong)
      requests.push(...taken.requests)
      const received = new Set(requests.map(idOf))
      return (await answered()).filter((id) => !received.has(id))
    }
    const deadline = performance.now() + 2000
    while ((await missing()).length > 0 && performance.now() < deadline) await turn()
    const shown = `run ${run}: ${JSON.stringify(bytes.toString('latin1'))}`
    assert.deepEqual(await missing(), [], shown)
    assert.deepEqual(wrong, [], shown)
    // What was broken off may arrive while the next run is under way: the log of some runs is looked through.
    const records = await runtime.requests(64)
    for (const request of requests) {
      const record = records.find(({ requestId }) => requestId === idOf(request))
      assert.ok(record, `${shown}: nothing is logged about ${request.method} ${request.target}`)
      assert.deepEqual(differences(request, record), [], shown)
    }
    newest = records[0]?.requestId ?? ''
    forwarded += requests.length
    if (requests.length === 0) refused++
  }
  assert.ok(forwarded > runs / 10, `only ${forwarded} requests of ${runs} runs came through`)
  assert.ok(refused > runs / 10, `only ${refused} of ${runs} runs were refused whole`)
})
