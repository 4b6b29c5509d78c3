import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createVirtualClock, type VirtualClock } from '@tidemill/core'
import { type SocketClient, SocketDesk } from '../../src/workers/socket-desk.ts'
import type { SocketWish } from '../../src/workers/protocol.ts'
import { until } from '../listener/plans.ts'

/** A worker that keeps what it is given. */
class FakeWorker implements SocketClient {
  accepting = true
  open = 0
  readonly given: { readonly key: string; readonly id: number; readonly connection: Socket }[] = []
  readonly udp: string[] = []

  give(key: string, id: number, connection: Socket): void {
    this.given.push({ key, id, connection })
  }

  serveUdp(key: string): void {
    this.udp.push(key)
  }
}

const tcp: SocketWish = { key: 'a', transport: 'tcp', address: '127.0.0.1', port: 0 }
const udp: SocketWish = { ...tcp, key: 'u', transport: 'udp' }

describe('SocketDesk', () => {
  const open: { desk: SocketDesk; clients: Socket[] }[] = []
  afterEach(() => {
    for (const { desk, clients } of open.splice(0)) {
      desk.close()
      for (const client of clients) client.destroy()
    }
  })

  function make(): { desk: SocketDesk; clock: VirtualClock; dial: (port: number) => Socket } {
    const clock = createVirtualClock()
    const desk = new SocketDesk(clock)
    const clients: Socket[] = []
    open.push({ desk, clients })
    return {
      desk,
      clock,
      dial: (port) => {
        const client = connect(port, '127.0.0.1')
        client.on('error', () => undefined)
        clients.push(client)
        return client
      },
    }
  }

  it('opens a socket once however many want it at the same time', async () => {
    const { desk } = make()
    const answers = await Promise.all([
      desk.open(new FakeWorker(), tcp),
      desk.open(new FakeWorker(), tcp),
      desk.open(new FakeWorker(), { ...tcp, key: 'b' }),
    ])
    assert.equal(answers[0].port, answers[1].port)
    assert.notEqual(answers[0].port, answers[2].port)
    assert.equal(desk.sockets().length, 2)
  })

  it('says why a socket cannot be opened, and does not remember that', async () => {
    const { desk } = make()
    const worker = new FakeWorker()
    const { port } = await desk.open(worker, tcp)
    const second = { ...tcp, key: 'b', port }
    assert.equal((await desk.open(worker, second)).reason, 'EADDRINUSE')
    desk.release(worker, 'a')
    assert.equal((await desk.open(worker, second)).port, port)
  })

  it('gives a connection to the worker with the fewest', async () => {
    const { desk, dial } = make()
    const [one, two] = [new FakeWorker(), new FakeWorker()]
    const { port } = await desk.open(one, tcp)
    await desk.open(two, tcp)
    one.open = 3
    for (let i = 0; i < 5; i++) dial(port)
    await until(() => one.given.length + two.given.length === 5)
    assert.deepEqual([one.open, two.open], [4, 4])
    two.accepting = false
    dial(port)
    await until(() => one.given.length === 2)
  })

  it('gives what a dead worker did not take to another one, and keeps what it took', async () => {
    const { desk, dial } = make()
    const [one, two] = [new FakeWorker(), new FakeWorker()]
    const { port } = await desk.open(one, tcp)
    const clients = [dial(port), dial(port)]
    await until(() => one.given.length === 2)
    desk.took(one.given[0]?.id ?? 0)
    await desk.open(two, tcp)
    desk.leave(one)
    assert.equal(two.given.length, 1)
    assert.equal(two.given[0]?.connection, one.given[1]?.connection)
    // In this test both processes are one: its copy of the first connection was the last one.
    assert.equal(one.given[0]?.connection.destroyed, true)
    assert.equal(clients.length, 2)
  })

  it('lets connections wait for a worker, and resets them when none comes in 30 s', async () => {
    const { desk, clock, dial } = make()
    const [one, two, three] = [new FakeWorker(), new FakeWorker(), new FakeWorker()]
    const { port } = await desk.open(one, tcp)
    desk.leave(one)
    const waiting = dial(port)
    await once(waiting, 'connect')
    await clock.advance(29_000)
    assert.equal((await desk.open(two, tcp)).port, port)
    await until(() => two.given.length === 1)
    desk.leave(two)
    await clock.advance(31_000)
    assert.deepEqual(desk.sockets(), [])
    await until(() => waiting.destroyed)
    assert.equal(three.given.length, 0)
  })

  it('lets one worker serve a udp socket, and the next one when it goes', async () => {
    const { desk } = make()
    const [one, two, three] = [new FakeWorker(), new FakeWorker(), new FakeWorker()]
    const first = await desk.open(one, udp)
    assert.deepEqual([first.serve, first.port > 0], [true, true])
    for (const other of [two, three])
      assert.deepEqual(await desk.open(other, udp), { ...first, serve: false })
    one.accepting = false
    desk.retire(one)
    assert.deepEqual([one.udp, two.udp, three.udp], [[], ['u'], []])
    desk.leave(one)
    desk.leave(two)
    assert.deepEqual([two.udp, three.udp], [['u'], ['u']])
  })
})
