import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { describe, it } from 'node:test'
import { connect, createServer as createTlsServer } from 'node:tls'
import {
  listener,
  openStand,
  passthrough,
  socket,
  stream,
  streamCluster,
  terminate,
  until,
} from './plans.ts'
import { ask, authority, certificate, commonName, secure } from './tls-client.ts'

describe('TLS listeners', () => {
  it('show the certificate that the server name asks for: exact, wildcard, else the first', async () => {
    await using stand = openStand()
    const tls = terminate([
      certificate('default.test'),
      certificate('*.wild.test'),
      certificate('one.wild.test', 'other.test'),
    ])
    const [port = 0] = await stand.apply(
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
    )
    for (const [servername, name] of [
      ['one.wild.test', 'one.wild.test'],
      ['other.test', 'one.wild.test'],
      ['two.wild.test', '*.wild.test'],
      ['default.test', 'default.test'],
      ['unknown.test', 'default.test'],
    ] as const) {
      const client = await secure(port, { servername, checkServerIdentity: () => undefined })
      assert.equal(commonName(client), name, servername)
      client.destroy()
    }
  })

  it('take a certificate for each kind of key, and the client gets the one it can verify', async () => {
    await using stand = openStand()
    const tls = terminate([
      certificate('a.test'),
      certificate('b.test'),
      authority.issue({ names: ['a.test'], keys: 'rsa' }),
      authority.issue({ names: ['b.test'], keys: 'rsa' }),
    ])
    const [port = 0] = await stand.apply(
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
    )
    for (const servername of ['a.test', 'b.test'])
      for (const [ciphers, kind] of [
        ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ec'],
        ['ECDHE-RSA-AES128-GCM-SHA256', 'rsa'],
      ] as const) {
        const client = await secure(port, { servername, ciphers, maxVersion: 'TLSv1.2' })
        const shown = client.getPeerX509Certificate()
        assert.equal(shown?.publicKey.asymmetricKeyType, kind)
        assert.equal(shown.subject, `CN=${servername}`)
        client.destroy()
      }
  })

  it('replace a certificate without touching the connections under way', async () => {
    await using stand = openStand()
    const names = ['one.test', 'two.test', 'three.test', 'four.test']
    const plan = (round: number) =>
      socket('a', [
        listener({
          name: 'a',
          protocol: 'HTTPS',
          tls: terminate([certificate(names[round % names.length] ?? '', 'a.test')]),
        }),
      ])
    const [port = 0] = await stand.apply(plan(0))
    const options = { servername: 'a.test' }
    const held = await secure(port, options)
    const seen = new Set<string>()
    const state = { running: true, asked: 0 }
    const askers = Array.from({ length: 4 }, async () => {
      while (state.running) {
        const client = await secure(port, options)
        seen.add(commonName(client))
        client.write('GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n')
        let text = ''
        for await (const chunk of client) text += String(chunk)
        assert.match(text, /^HTTP\/1\.1 200/u)
        state.asked++
      }
    })
    for (let round = 1; round <= 20; round++) {
      const before = state.asked
      await stand.set.apply([plan(round)])
      await until(() => state.asked >= before + 4)
    }
    state.running = false
    await Promise.all(askers)
    assert.deepEqual([...seen].toSorted(), names.toSorted())
    assert.equal(stand.set.counts().sockets[0]?.tcp?.handshakeFailures, 0)
    held.write('GET / HTTP/1.1\r\nhost: a.test\r\n\r\n')
    assert.match(String((await once(held, 'data'))[0]), /200 OK/u)
    held.destroy()
  })

  it('keep the sessions of a certificate that did not change when another one does', async () => {
    await using stand = openStand()
    const stays = terminate([certificate('stays.test')])
    const plan = () =>
      socket('a', [
        listener({ name: 'a', protocol: 'HTTPS', hostname: 'stays.test', tls: stays }),
        listener({
          name: 'b',
          protocol: 'HTTPS',
          hostname: 'goes.test',
          tls: terminate([certificate('goes.test')]),
        }),
      ])
    const [port = 0] = await stand.apply(plan())
    const first = connect({ host: '127.0.0.1', port, ca: authority.ca, servername: 'stays.test' })
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    await stand.apply(plan())
    const again = await secure(port, { servername: 'stays.test', session })
    assert.equal(again.isSessionReused(), true)
    again.destroy()
    stand.set.setTicketKeys(Buffer.alloc(48, 7))
    const fresh = await secure(port, { servername: 'stays.test', session })
    assert.equal(fresh.isSessionReused(), false)
    fresh.destroy()
  })

  it('speak h2 or HTTP/1.1 as ALPN says, and nothing older than TLS 1.2', async () => {
    await using stand = openStand()
    const tls = terminate([certificate('a.test')])
    const [port = 0] = await stand.apply(
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
    )
    const servername = 'a.test'
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const client = await secure(port, {
        servername,
        maxVersion,
        ALPNProtocols: ['h2', 'http/1.1'],
      })
      assert.equal(client.alpnProtocol, 'h2')
      await until(() => stand.accepted.at(-1)?.protocol === 'h2')
      client.destroy()
      assert.equal(await ask(port, { servername, maxVersion }), '200 a')
    }
    assert.deepEqual(
      stand.accepted.map(({ protocol }) => protocol),
      ['h2', 'http/1.1', 'h2', 'http/1.1'],
    )
    const old = {
      servername,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL@SECLEVEL=0',
    } as const
    await assert.rejects(secure(port, old))
    const foreign = secure(port, { servername, ALPNProtocols: ['spdy/1'] })
    await assert.rejects(foreign, /no application protocol/u)
  })

  it('give each listener of a port its certificate, its routes and its connections', async () => {
    await using stand = openStand()
    const [port = 0] = await stand.apply(
      socket('a', [
        listener({ name: 'all', protocol: 'HTTPS', tls: terminate([certificate('example.org')]) }),
        listener({
          name: 'second',
          protocol: 'HTTPS',
          hostname: 'second-example.org',
          tls: terminate([certificate('second-example.org')]),
        }),
        listener({
          name: 'wild',
          protocol: 'HTTPS',
          hostname: '*.wildcard.org',
          tls: terminate([certificate('*.wildcard.org')]),
        }),
        listener({
          name: 'fourth',
          protocol: 'HTTPS',
          hostname: 'fourth-example.wildcard.org',
          tls: terminate([certificate('fourth-example.wildcard.org')]),
        }),
      ]),
    )
    // The table of the official suite, without its routes: HTTPRouteHTTPSListenerDetectMisdirectedRequests.
    for (const [servername, host, expected] of [
      ['example.org', 'example.org', '200 all'],
      ['example.org', 'second-example.org', '421'],
      ['example.org', 'unknown-example.org', '200 all'],
      ['second-example.org', 'second-example.org', '200 second'],
      ['second-example.org', 'example.org', '421'],
      ['second-example.org', 'unknown-example.org', '421'],
      ['third-example.wildcard.org', 'third-example.wildcard.org', '200 wild'],
      ['third-example.wildcard.org', 'fith-example.wildcard.org', '200 wild'],
      ['third-example.wildcard.org', 'fourth-example.wildcard.org', '421'],
      ['third-example.wildcard.org', 'second-example.org', '421'],
      ['third-example.wildcard.org', 'unknown-example.org', '421'],
      ['fourth-example.wildcard.org', 'fourth-example.wildcard.org', '200 fourth'],
      ['fourth-example.wildcard.org', 'fith-example.wildcard.org', '421'],
      ['unknown-example.org', 'example.org', '200 all'],
    ] as const) {
      const options = { servername, checkServerIdentity: () => undefined }
      assert.equal(await ask(port, options, host), expected, `${servername} ${host}`)
    }
    assert.equal(
      await ask(port, { checkServerIdentity: () => undefined }, 'example.org'),
      '200 all',
    )
  })

  it('close a handshake for a name that no listener takes', async () => {
    await using stand = openStand()
    const tls = terminate([certificate('a.test')])
    const [port = 0] = await stand.apply(
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', hostname: 'a.test', tls })]),
    )
    await assert.rejects(secure(port, { servername: 'b.test' }), /unrecognized name/u)
    await assert.rejects(secure(port, {}), /unrecognized name/u)
    assert.equal(stand.set.counts().sockets[0]?.tcp?.handshakeFailures, 2)
  })

  it('pass through one name, end the TLS of another and carry the bytes of a third on one port', async () => {
    const backend = createTlsServer(certificate('pass.test'), (connection) => {
      connection.end(`backend of ${String(connection.servername)}`)
    })
    backend.listen(0, '127.0.0.1')
    await once(backend, 'listening')
    const to = streamCluster('ns/tls', [(backend.address() as AddressInfo).port])
    const plain = createTcpServer((connection) => {
      connection.on('data', (chunk: Buffer) => connection.end(`plain ${String(chunk)}`))
    })
    plain.listen(0, '127.0.0.1')
    await once(plain, 'listening')
    const toPlain = streamCluster('ns/plain', [(plain.address() as AddressInfo).port])
    await using stand = openStand()
    const [port = 0] = await stand.apply(
      socket('a', [
        listener({
          name: 'https',
          protocol: 'HTTPS',
          hostname: 'web.test',
          tls: terminate([certificate('web.test')]),
        }),
        listener({
          name: 'pass',
          protocol: 'TLS',
          hostname: '*.test',
          tls: passthrough,
          streams: [stream([[to, 1]], ['pass.test'])],
        }),
        listener({
          name: 'bytes',
          protocol: 'TLS',
          hostname: 'bytes.test',
          tls: terminate([certificate('bytes.test')]),
          streams: [stream([[toPlain, 1]])],
        }),
      ]),
    )
    const exchange = async (servername: string, send: string): Promise<string> => {
      const client = await secure(port, { servername })
      client.write(send)
      let text = ''
      for await (const chunk of client) text += String(chunk)
      return text
    }
    assert.equal(await ask(port, { servername: 'web.test' }), '200 https')
    assert.equal(await exchange('pass.test', 'x'), 'backend of pass.test')
    assert.equal(await exchange('bytes.test', 'hello'), 'plain hello')
    // The listener takes the name, but none of its routes does.
    await assert.rejects(secure(port, { servername: 'other.test' }))
    // A request for a name of another listener.
    assert.equal(await ask(port, { servername: 'web.test' }, 'pass.test'), '421')
    backend.close()
    plain.close()
  })

  it('report a listener without a certificate that can be used, and serve the others', async () => {
    await using stand = openStand()
    const good = certificate('good.test')
    const other = certificate('other.test')
    const states = await stand.set.apply([
      socket('a', [
        listener({
          name: 'bad',
          protocol: 'HTTPS',
          hostname: 'bad.test',
          tls: terminate([{ cert: good.cert, key: other.key }]),
        }),
        listener({ name: 'none', protocol: 'HTTPS', hostname: 'none.test', tls: terminate([]) }),
        listener({
          name: 'good',
          protocol: 'HTTPS',
          hostname: 'good.test',
          tls: terminate([good]),
        }),
      ]),
    ])
    const [first, second] = states[0]?.problems ?? []
    assert.match(first ?? '', /listener bad: .*key/iu)
    assert.equal(second, 'listener none: it has no certificate')
    const port = states[0]?.port ?? 0
    assert.equal(await ask(port, { servername: 'good.test' }), '200 good')
    await assert.rejects(secure(port, { servername: 'bad.test' }), /unrecognized name/u)
  })

  it("answer 421 to a request on a reused HTTP/2 connection whose certificate is another name's", async () => {
    await using stand = openStand()
    // What the resolver says is all that the data plane asks; HTTP/2 itself is its own.
    const [port = 0] = await stand.apply(
      socket('a', [
        listener({
          name: 'a',
          protocol: 'HTTPS',
          hostname: 'a.test',
          tls: terminate([certificate('a.test', 'b.test')]),
        }),
        listener({
          name: 'b',
          protocol: 'HTTPS',
          hostname: 'b.test',
          tls: terminate([certificate('b.test')]),
        }),
      ]),
    )
    const client = await secure(port, { servername: 'a.test', ALPNProtocols: ['h2'] })
    await until(() => stand.accepted.length > 0)
    const facts = stand.accepted[0]
    assert.equal(facts?.protocol, 'h2')
    const resolve = (host: string): string | undefined => {
      const found = facts?.listeners.resolve(host, facts.peer?.serverName ?? '')
      return typeof found === 'object' ? found.name : found
    }
    assert.equal(resolve('a.test'), 'a')
    assert.equal(resolve('b.test'), 'misdirected')
    assert.equal(resolve('c.test'), undefined)
    client.destroy()
  })
})
