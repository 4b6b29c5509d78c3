import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import { defaultListenerSettings } from '../../src/listener/listener-plan.ts'
import { listener, openStand, socket, terminate, until } from './plans.ts'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'

/** Status and listener that answer a request for the host. */
async function ask(port: number, host: string): Promise<string> {
  const call = request({ host: '127.0.0.1', port, headers: { host }, agent: false })
  call.end()
  const [response] = await once(call, 'response')
  response.resume()
  return `${response.statusCode} ${response.headers['x-listener'] ?? ''}`.trim()
}

async function closed(connection: Socket): Promise<void> {
  connection.on('error', () => undefined)
  connection.resume()
  if (!connection.closed) await new Promise((resolve) => connection.on('close', resolve))
}

describe('ListenerSet', () => {
  it('lets the most specific hostname of a port take the request, and only that one', async () => {
    await using stand = openStand()
    const [port = 0] = await stand.apply(
      socket('a', [
        listener({ name: 'all', hostname: '' }),
        listener({ name: 'wild', hostname: '*.example.com' }),
        listener({ name: 'one', hostname: 'a.example.com' }),
      ]),
    )
    assert.equal(await ask(port, 'a.example.com'), '200 one')
    assert.equal(await ask(port, 'A.example.com:80'), '200 one')
    assert.equal(await ask(port, 'b.example.com'), '200 wild')
    assert.equal(await ask(port, 'example.com'), '200 all')
    const [facts] = stand.accepted
    assert.deepEqual([facts?.protocol, facts?.peer, facts?.port], ['sniff', undefined, 80])
  })

  it('changes the listeners of an open connection with the call, and closes no socket for it', async () => {
    await using stand = openStand()
    const [port = 0] = await stand.apply(socket('a', [listener({ name: 'one' })]))
    const connection = connect(port, '127.0.0.1')
    const text = async (): Promise<string> => {
      connection.write('GET / HTTP/1.1\r\nhost: a.test\r\n\r\n')
      return String((await once(connection, 'data'))[0])
    }
    assert.match(await text(), /x-listener: one/u)
    const applied = stand.set.apply([socket('a', [listener({ name: 'two', hostname: 'a.test' })])])
    assert.match(await text(), /x-listener: two/u)
    assert.equal((await applied)[0]?.port, port)
    const emptied = stand.set.apply([])
    assert.match(await text(), /404/u)
    await emptied
    connection.destroy()
    await assert.rejects(ask(port, 'a.test'), { code: 'ECONNREFUSED' })
  })

  it('reports a port that cannot be bound, opens the others, and tries again at the next call', async () => {
    await using stand = openStand()
    await using other = openStand()
    const [taken = 0] = await other.apply(socket('x', [listener({ name: 'x' })]))
    const wanted = socket('a', [listener({ name: 'a' })], { port: taken })
    const [failed, good] = await stand.set.apply([wanted, socket('b', [listener({ name: 'b' })])])
    assert.ok(TidemillError.is(failed?.error))
    assert.equal(failed.error.code, 'TM_GATEWAY_LISTEN')
    assert.match(failed.error.message, new RegExp(`127.0.0.1:${taken}: EADDRINUSE`, 'u'))
    assert.equal(failed.listening, false)
    assert.equal(await ask(good?.port ?? 0, 'a'), '200 b')
    await other.set.close()
    const [again] = await stand.set.apply([wanted])
    assert.equal(again?.error, undefined)
    assert.equal(await ask(taken, 'a'), '200 a')
  })

  it('gives two sockets with port 0 ports of their own', async () => {
    await using stand = openStand()
    const [one = 0, two = 0] = await stand.apply(
      socket('a', [listener({ name: 'a' })]),
      socket('b', [listener({ name: 'b' })]),
    )
    assert.notEqual(one, two)
    assert.equal(await ask(one, 'h'), '200 a')
    assert.equal(await ask(two, 'h'), '200 b')
  })

  it('refuses connections beyond the limits of an address and of the port, and counts them', async () => {
    await using stand = openStand()
    const settings = { ...defaultListenerSettings, maxConnectionsPerAddress: 2 }
    const [port = 0] = await stand.apply(socket('a', [listener({ name: 'a', settings })]))
    const first = connect(port, '127.0.0.1')
    await once(first, 'connect')
    const second = connect(port, '127.0.0.1')
    await once(second, 'connect')
    await closed(connect(port, '127.0.0.1'))
    assert.deepEqual(stand.set.counts().sockets[0]?.tcp, {
      open: 2,
      accepted: 2,
      refused: 1,
      handshakeFailures: 0,
    })
    first.destroy()
    await closed(first)
    second.destroy()
    await closed(second)
  })

  it('ends a connection that does not complete its ClientHello in 10 s', async () => {
    const clock = createVirtualClock()
    await using stand = openStand({ clock })
    const certificate = createTestAuthority().issue({ names: ['a.test'] })
    const tls = terminate([certificate])
    const [port = 0] = await stand.apply(
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
    )
    const connection = connect(port, '127.0.0.1')
    connection.write(Buffer.from([22, 3, 1]))
    await until(() => stand.set.counts().sockets[0]?.tcp?.accepted === 1)
    await clock.advance(9_990)
    assert.equal(connection.destroyed, false)
    await clock.advance(20)
    await closed(connection)
    assert.equal(stand.set.counts().sockets[0]?.tcp?.handshakeFailures, 1)
  })

  it('waits for handshakes under way after stop, and ends them when they take too long', async () => {
    const clock = createVirtualClock()
    await using stand = openStand({ clock })
    const tls = terminate([createTestAuthority().issue({ names: ['a.test'] })])
    const [port = 0] = await stand.apply(
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
    )
    const connection = connect(port, '127.0.0.1')
    await until(() => stand.set.counts().sockets[0]?.tcp?.open === 1)
    stand.set.stop()
    let settled = false
    const done = stand.set.settled(1000).then(() => {
      settled = true
    })
    await clock.advance(990)
    assert.equal(settled, false)
    await clock.advance(20)
    await closed(connection)
    await done
  })

  it('tells a client that speaks plain HTTP to a TLS port what is wrong', async () => {
    await using stand = openStand()
    const tls = terminate([createTestAuthority().issue({ names: ['a.test'] })])
    const [port = 0] = await stand.apply(
      socket('a', [listener({ name: 'a', protocol: 'HTTPS', tls })]),
    )
    assert.equal(await ask(port, 'a.test'), '400')
  })

  it('takes no more connections after stop, and keeps those that are open', async () => {
    await using stand = openStand()
    const [port = 0] = await stand.apply(socket('a', [listener({ name: 'a' })]))
    const connection = connect(port, '127.0.0.1')
    await once(connection, 'connect')
    stand.set.stop()
    await assert.rejects(ask(port, 'h'), { code: 'ECONNREFUSED' })
    connection.write('GET / HTTP/1.1\r\nhost: h\r\n\r\n')
    assert.match(String((await once(connection, 'data'))[0]), /200 OK/u)
    connection.destroy()
  })
})
