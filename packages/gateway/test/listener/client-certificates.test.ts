import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { connect } from 'node:tls'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import { listener, openStand, socket, terminate, until } from './plans.ts'
import { ask, authority, certificate, secure } from './tls-client.ts'

const clients = createTestAuthority()

describe('client certificates', () => {
  const valid = clients.issue({ names: ['alice', 'alice.test'], client: true })
  const foreign = createTestAuthority().issue({ names: ['mallory'], client: true })
  const expired = clients.issue({ names: ['bob'], client: true, expired: true })

  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    it(`are demanded by AllowValidOnly before the first request (${maxVersion})`, async () => {
      await using stand = openStand()
      const tls = terminate([certificate('a.test')], { ca: [clients.ca], mode: 'AllowValidOnly' })
      const [port = 0] = await stand.apply(
        socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
      )
      const options = { servername: 'a.test', maxVersion }
      assert.equal(await ask(port, { ...options, ...valid }), '200 a')
      await assert.rejects(ask(port, options))
      await assert.rejects(ask(port, { ...options, ...foreign }))
      await assert.rejects(ask(port, { ...options, ...expired }))
      assert.equal(stand.accepted.length, 1)
      const { peer } = stand.accepted[0] ?? {}
      assert.equal(peer?.verified, true)
      assert.equal(peer?.subject, 'CN=alice')
      assert.deepEqual(peer?.dnsNames, ['alice', 'alice.test'])
      assert.match(peer?.fingerprint ?? '', /^[0-9a-f]{64}$/u)
    })

    it(`are optional with AllowInsecureFallback, and never believed unless valid (${maxVersion})`, async () => {
      await using stand = openStand()
      const tls = terminate([certificate('a.test')], {
        ca: [clients.ca],
        mode: 'AllowInsecureFallback',
      })
      const [port = 0] = await stand.apply(
        socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
      )
      const options = { servername: 'a.test', maxVersion }
      for (const credentials of [valid, {}, foreign, expired])
        assert.equal(await ask(port, { ...options, ...credentials }), '200 a')
      assert.deepEqual(
        stand.accepted.map(({ peer }) => [peer?.verified, peer?.subject]),
        [
          [true, 'CN=alice'],
          [false, ''],
          [false, 'CN=mallory'],
          [false, 'CN=bob'],
        ],
      )
    })
  }

  it('are asked for only by the listener that wants them', async () => {
    await using stand = openStand()
    const validation = { ca: [clients.ca], mode: 'AllowValidOnly' as const }
    const [port = 0] = await stand.apply(
      socket('a', [
        listener({
          name: 'open',
          protocol: 'HTTPS',
          hostname: 'open.test',
          tls: terminate([certificate('open.test')]),
        }),
        listener({
          name: 'closed',
          protocol: 'HTTPS',
          hostname: 'closed.test',
          tls: terminate([certificate('closed.test')], validation),
        }),
      ]),
    )
    assert.equal(await ask(port, { servername: 'open.test' }), '200 open')
    await assert.rejects(ask(port, { servername: 'closed.test' }))
    assert.equal(await ask(port, { servername: 'closed.test', ...valid }), '200 closed')
  })

  it('of an authority that was taken out are not believed again when a session is resumed', async () => {
    await using stand = openStand()
    const shown = certificate('a.test')
    const at = (...ca: string[]) =>
      socket('a', [
        listener({
          name: 'a',
          protocol: 'HTTPS',
          tls: terminate([shown], { ca, mode: 'AllowValidOnly' }),
        }),
      ])
    const [port = 0] = await stand.apply(at(clients.ca))
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      await stand.apply(at(clients.ca))
      const options = { servername: 'a.test', maxVersion, ...valid }
      const first = connect({ host: '127.0.0.1', port, ca: authority.ca, ...options })
      const [session] = (await once(first, 'session')) as [Buffer]
      first.destroy()
      assert.equal(await ask(port, { ...options, session }), '200 a')
      await stand.apply(at(createTestAuthority().ca))
      await assert.rejects(ask(port, { ...options, session }))
    }
  })

  it('are demanded of a client whose handshake began before they were', async () => {
    await using stand = openStand()
    const shown = certificate('a.test')
    const at = (validation?: { ca: string[]; mode: 'AllowValidOnly' }) =>
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls: terminate([shown], validation) })])
    const [port = 0] = await stand.apply(at())
    const wire = connectTcp(port, '127.0.0.1')
    // The client's second flight waits until the configuration has changed.
    const answered = once(wire, 'readable')
    const held: [Buffer, () => void][] = []
    const slow = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        if (held.length === 0 && wire.bytesWritten === 0) wire.write(chunk, () => done())
        else held.push([chunk, done])
      },
    })
    const client = connect({ socket: slow, servername: 'a.test', ca: authority.ca })
    client.on('error', () => undefined)
    await answered
    wire.on('data', (chunk) => slow.push(chunk))
    await until(() => held.length > 0)
    await stand.apply(at({ ca: [clients.ca], mode: 'AllowValidOnly' }))
    for (const [chunk, done] of held.splice(0)) wire.write(chunk, () => done())
    await until(() => stand.set.counts().sockets[0]?.tcp?.handshakeFailures === 1)
    assert.equal(stand.accepted.length, 0)
    wire.destroy()
    client.destroy()
  })

  it('cannot be left out by resuming a session that began without', async () => {
    await using stand = openStand()
    const at = (mode: 'AllowValidOnly' | 'AllowInsecureFallback', ca = [clients.ca]) =>
      socket('a', [
        listener({
          name: 'a',
          protocol: 'HTTPS',
          tls: terminate([certificate('a.test')], { ca, mode }),
        }),
      ])
    const [port = 0] = await stand.apply(at('AllowInsecureFallback'))
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      await stand.set.apply([at('AllowInsecureFallback')])
      const options = { servername: 'a.test', maxVersion }
      const before = stand.accepted.length
      const first = connect({ host: '127.0.0.1', port, ca: authority.ca, ...options })
      const [session] = (await once(first, 'session')) as [Buffer]
      await until(() => stand.accepted.length > before)
      first.destroy()
      const count = stand.accepted.length
      const again = await secure(port, { ...options, session })
      assert.equal(again.isSessionReused(), true)
      await until(() => stand.accepted.length > count)
      again.destroy()
      assert.equal(stand.accepted[count]?.peer?.verified, false)
      await stand.set.apply([at('AllowValidOnly')])
      await assert.rejects(ask(port, { ...options, session }))
    }
  })
})
