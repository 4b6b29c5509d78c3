import assert from 'node:assert/strict'
import { createSecureServer } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { TLSSocket } from 'node:tls'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import { subjectUris } from '../../src/upstream/backend-tls.ts'
import { rig, turns } from './rig.ts'
import { RawServer, type Script } from './raw-server.ts'

const authority = createTestAuthority()
const other = createTestAuthority()
const certificate = authority.issue({ names: ['web.internal', 'other.internal'] })
const tls = { serverName: 'web.internal', ca: [authority.ca] }
const ok: Script = (connection) => connection.answer()

function tlsSocket(server: RawServer): TLSSocket {
  const socket = server.connections[0]?.socket
  assert.ok(socket instanceof TLSSocket)
  return socket
}

/** A server of another make that speaks both; says which it was asked in. */
async function both(t: TestContext): Promise<number> {
  const server = createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) => {
    response.end(`${request.httpVersion} ${request.url}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

describe('an upstream over TLS', () => {
  it('is asked for by its name, and its certificate is for it', async (t) => {
    const server = await RawServer.start(t, ok, { tls: certificate })
    const outcome = await rig(t, [server.port], { tls }).get()
    assert.equal(outcome.status, 200)
    assert.equal(tlsSocket(server).servername, 'web.internal')
  })

  it('speaks what ALPN says', async (t) => {
    const port = await both(t)
    const rows = [
      ['auto', '2.0 /'],
      ['h2', '2.0 /'],
      ['http1', '1.1 /'],
    ] as const
    for (const [protocol, body] of rows) {
      const { get, cluster } = rig(t, [port], { protocol, tls })
      const outcomes = await Promise.all([get(), get(), get()])
      for (const outcome of outcomes) assert.equal(outcome.body, body)
      assert.equal(cluster.stats().connections, protocol === 'http1' ? 3 : 1)
    }
  })

  it('is spoken to in HTTP/1.1 where it says nothing by ALPN, unless it must be h2', async (t) => {
    const server = await RawServer.start(t, ok, { tls: certificate })
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => rig(t, [server.port], { protocol: 'auto', tls }).get()),
    )
    for (const outcome of outcomes) assert.equal(outcome.status, 200)
    const auto = rig(t, [server.port], { protocol: 'auto', tls })
    const many = await Promise.all([auto.get(), auto.get(), auto.get(), auto.get()])
    for (const outcome of many) assert.equal(outcome.status, 200)
    const outcome = await rig(t, [server.port], { protocol: 'h2', tls }).get()
    assert.equal(outcome.failure?.kind, 'connect')
    assert.match(outcome.failure.reason, /it does not speak HTTP\/2$/u)
  })

  const wrong: readonly (readonly [string, object, typeof certificate, RegExp])[] = [
    ['another authority', { ...tls, ca: [other.ca] }, certificate, /: [A-Z_]+$/u],
    ['no authority of ours', { serverName: 'web.internal' }, certificate, /: [A-Z_]+$/u],
    ['another name', { ...tls, serverName: 'web.example' }, certificate, /for another name$/u],
    [
      'none of the names asked for',
      { ...tls, subjectAltNames: ['a.internal', 'spiffe://cluster/web'] },
      certificate,
      /for another name$/u,
    ],
    [
      'a pattern, where a name is asked for exactly',
      { ...tls, serverName: 'a.wild.internal', subjectAltNames: ['a.wild.internal'] },
      authority.issue({ names: ['*.wild.internal'] }),
      /for another name$/u,
    ],
    [
      'an end in the past',
      tls,
      authority.issue({ names: ['web.internal'], expired: true }),
      /has expired$/u,
    ],
  ]
  for (const [name, settings, issued, reason] of wrong) {
    it(`is refused when its certificate has ${name}`, async (t) => {
      const server = await RawServer.start(t, ok, { tls: issued })
      const { get, cluster } = rig(t, [server.port], { tls: settings as typeof tls })
      const outcome = await get()
      assert.equal(outcome.failure?.kind, 'connect')
      assert.match(outcome.failure.reason, reason)
      assert.equal(outcome.failure.processed, false)
      assert.equal(server.requests.length, 0)
      assert.equal(cluster.stats().connections, 0)
    })
  }

  it('may have any of the names asked for, whatever the server name', async (t) => {
    const server = await RawServer.start(t, ok, { tls: certificate })
    const names = ['nobody.internal', 'other.internal']
    const settings = { ...tls, serverName: 'front.example', subjectAltNames: names }
    const outcome = await rig(t, [server.port], { tls: settings }).get()
    assert.equal(outcome.status, 200)
    assert.equal(tlsSocket(server).servername, 'front.example')
  })

  it('is shown our certificate', async (t) => {
    const clientCert = authority.issue({ names: ['gateway'], client: true })
    const server = await RawServer.start(t, ok, {
      tls: { ...certificate, requestCert: true, rejectUnauthorized: true, ca: authority.ca },
    })
    assert.equal((await rig(t, [server.port], { tls: { ...tls, clientCert } }).get()).status, 200)
    const peer = tlsSocket(server).getPeerCertificate()
    assert.equal(peer.subject.CN, 'gateway')
    const without = await rig(t, [server.port], { tls }).get()
    assert.notEqual(without.failure, undefined)
  })

  it('gets new connections with new settings, at once', async (t) => {
    const server = await RawServer.start(t, ok, { tls: certificate })
    const { get, registry, cluster } = rig(t, [server.port], { tls })
    assert.equal((await get()).status, 200)
    const spec = { tls: { ...tls, ca: [other.ca] } }
    registry.configure(cluster.name, { protocol: 'http1', tls: undefined, spec })
    assert.equal((await get()).failure?.kind, 'connect')
    await turns(() => server.open === 0)
    const plan = {
      hostname: 'web.internal',
      ca: [authority.ca],
      names: [],
      client: undefined,
    }
    registry.configure(cluster.name, { protocol: 'http1', tls: plan, spec })
    assert.equal((await get()).status, 200)
  })

  it('that does not answer the handshake is a failed connection', async (t) => {
    const silent = await RawServer.start(t)
    const { get } = rig(t, [silent.port], { tls, connectTimeout: '200ms' })
    const outcome = await get()
    assert.equal(outcome.failure?.kind, 'connect')
    assert.match(outcome.failure.reason, /nothing within 200 ms$/u)
  })

  it('has its URIs read out of a text in which they could be forged', () => {
    assert.deepEqual(subjectUris('DNS:a, URI:spiffe://x/y, IP Address:127.0.0.1'), ['spiffe://x/y'])
    assert.deepEqual(subjectUris('DNS:"a, URI:spiffe://forged"'), [])
    assert.deepEqual(subjectUris('URI:"spiffe://x/y, URI:spiffe://forged"'), [
      'spiffe://x/y, URI:spiffe://forged',
    ])
  })
})
