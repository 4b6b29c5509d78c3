/** What our parser accepts, node's accepts too and reads the same; what only node accepts, we refuse on purpose. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createSeededRandom } from '@tidemill/core'
import type { RequestHead } from '@tidemill/http1'
import { mutate, seeds } from './mutation.ts'
import { latin1, type Recorder, requestParse } from './recorder.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: readonly string[]
  readonly body: string
}

/** Reasons for which we are stricter than node 24, each a row of the rules. */
const stricter = new Set([
  'host-repeated',
  'host-syntax',
  'target-byte',
  'target-escape',
  'target-nul',
  'target-form',
  'target-scheme',
  'target-authority',
  'request-line',
  'transfer-encoding-in-1.0',
  'expectation-failed',
  'transfer-encoding-unknown',
  'transfer-encoding-syntax',
  'content-length-syntax',
  'content-length-repeated',
  'transfer-encoding-repeated',
  'version-syntax',
  'version-unsupported',
  'connection-option',
  'method-unknown',
  'connection-nominates-framing',
  'method-not-allowed',
  'body-not-allowed',
  'leading-empty-line',
  'trailer-forbidden',
  'chunk-extension',
  'chunk-size',
  'headers-too-many',
  'body-too-large',
  // Node skips any CR and LF before a request line, and takes the first requests of what is later cut or wrong.
  'truncated',
  'bare-lf',
  'bare-cr',
  'header-fold',
])

/** What node's own server makes of bytes. */
class NodeReader {
  readonly #port: number
  readonly #seen = new Map<number, Seen[]>()

  constructor(port: number, seen: Map<number, Seen[]>) {
    this.#port = port
    this.#seen = seen
  }

  static async start(t: TestContext): Promise<NodeReader> {
    const seen = new Map<number, Seen[]>()
    const server = createServer({ keepAliveTimeout: 1000 }, (request, response) => {
      const port = request.socket.remotePort ?? 0
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const list = seen.get(port) ?? []
        list.push({
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.rawHeaders,
          body: Buffer.concat(parts).toString('latin1'),
        })
        seen.set(port, list)
        response.end()
      })
    })
    // An upgrade is a request like any other here, as it is for a gateway that does not allow it.
    Object.assign(server, { shouldUpgradeCallback: () => false })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return new NodeReader((server.address() as AddressInfo).port, seen)
  }

  async read(
    bytes: Buffer,
  ): Promise<{ readonly requests: readonly Seen[]; readonly refused: boolean }> {
    const socket: Socket = connect({ port: this.#port, host: '127.0.0.1' })
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    const own = socket.localPort ?? 0
    socket.end(bytes)
    await once(socket, 'close')
    const requests = this.#seen.get(own) ?? []
    this.#seen.delete(own)
    return { requests, refused: /HTTP\/1\.1 (?:400|413|414|431|501|505) /u.test(text) }
  }
}

function requestsOf(recorder: Recorder): { readonly head: RequestHead; readonly body: string }[] {
  const out: { head: RequestHead; body: string }[] = []
  let head: RequestHead | undefined
  let body = ''
  for (const event of recorder.events) {
    if ('head' in event) {
      head = event.head as RequestHead
      body = ''
    } else if ('body' in event) body = event.body
    else if ('end' in event && head !== undefined) out.push({ head, body })
  }
  return out
}

test('mutated requests mean to node what they mean to us', async (t) => {
  const reader = await NodeReader.start(t)
  const runs = Math.min(Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 3000), 100_000)
  const random = createSeededRandom(Number(process.env['TIDEMILL_FUZZ_SEED'] ?? 1))
  const parse = requestParse({ underscoreNames: 'keep' })
  let both = 0
  for (let run = 0; run < runs; run++) {
    const text = mutate(random, seeds[run % seeds.length] ?? '', seeds)
    const bytes = latin1(text)
    const ours = parse([bytes])
    const theirs = await reader.read(bytes)
    const context = `run ${run}: ${JSON.stringify(text)} ${ours.verdict?.reason ?? 'accepted'}`
    if (ours.verdict !== undefined) {
      if (!theirs.refused && theirs.requests.length > requestsOf(ours).length)
        assert.ok(stricter.has(ours.verdict.reason), context)
      continue
    }
    const requests = requestsOf(ours)
    if (requests.length === 0) continue
    both++
    // Node goes on, or complains, behind a request that closes for us.
    if (requests.at(-1)?.head.keepAlive === true) {
      assert.equal(theirs.refused, false, context)
      assert.equal(theirs.requests.length, requests.length, context)
    }
    for (const [index, { head, body }] of requests.entries()) {
      const node = theirs.requests[index]
      assert.ok(node !== undefined, context)
      assert.equal(head.method, node.method, context)
      assert.equal(head.target, node.url, context)
      assert.equal(body, node.body, context)
      const names = node.headers.map((name, i) => (i % 2 === 0 ? name.toLowerCase() : name))
      // The authority of an absolute target is put into Host, which node leaves as it is.
      if (head.target.startsWith('/') || head.target === '*')
        assert.deepEqual(head.headers, names, context)
    }
  }
  t.diagnostic(`${both} of ${runs} accepted by both`)
  assert.ok(both > runs / 20)
})
