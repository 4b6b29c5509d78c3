import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, type Random, type VirtualClock } from '@tidemill/core'
import { ClientKeepalive, type KeepaliveTimes } from '../../src/channel/client-keepalive.ts'
import { ConnectionAge, type ConnectionAgeTimes } from '../../src/channel/connection-age.ts'
import { PingEnforcement } from '../../src/channel/ping-enforcement.ts'

class Peer {
  bytesReceived = 0
  streams = 1
  readonly pings: (() => void)[] = []

  ping(done: () => void): void {
    this.pings.push(done)
  }
}

function watch(changes: Partial<KeepaliveTimes> = {}): {
  clock: VirtualClock
  peer: Peer
  dead: () => number
  keepalive: ClientKeepalive
} {
  const clock = createVirtualClock()
  const peer = new Peer()
  let dead = 0
  const times = { timeMs: 10_000, timeoutMs: 2000, permitWithoutStream: false, ...changes }
  const keepalive = new ClientKeepalive(peer, times, clock, () => void dead++)
  return { clock, peer, dead: () => dead, keepalive }
}

describe('client keepalive', () => {
  it('pings after silence and reports a peer that does not answer in time, once', async () => {
    const { clock, peer, dead } = watch()
    await clock.advance(9999)
    assert.equal(peer.pings.length, 0)
    await clock.advance(2001)
    assert.equal(peer.pings.length, 1)
    await clock.advance(1999)
    assert.equal(dead(), 0)
    await clock.advance(1)
    assert.equal(dead(), 1)
    await clock.advance(100_000)
    assert.equal(dead(), 1)
    assert.equal(clock.pending, 0)
  })

  it('takes anything that arrives as a sign of life', async () => {
    const { clock, peer, dead } = watch()
    for (let i = 0; i < 20; i++) {
      await clock.advance(5000)
      peer.bytesReceived += 10
    }
    assert.equal(peer.pings.length, 0)
    await clock.advance(12_000)
    assert.equal(peer.pings.length, 1)
    peer.bytesReceived += 17
    await clock.advance(2000)
    assert.equal(dead(), 0)
  })

  it('pings again only after another period of silence', async () => {
    const { clock, peer, dead, keepalive } = watch()
    await clock.advance(12_000)
    peer.pings[0]?.()
    await clock.advance(9000)
    assert.equal(peer.pings.length, 1)
    await clock.advance(2000)
    assert.equal(peer.pings.length, 2)
    assert.equal(dead(), 0)
    keepalive.stop()
    assert.equal(clock.pending, 0)
  })

  it('does not put its next look off by a long timeout', async () => {
    const { clock, peer, keepalive } = watch({ timeoutMs: 3_600_000 })
    await clock.advance(12_000)
    for (let pings = 1; pings < 5; pings++) {
      assert.equal(peer.pings.length, pings)
      peer.pings.at(-1)?.()
      await clock.advance(12_000)
    }
    keepalive.stop()
    peer.pings.at(-1)?.()
    assert.equal(clock.pending, 0)
  })

  it('leaves a connection without calls alone unless it is permitted', async () => {
    const quiet = watch()
    quiet.peer.streams = 0
    await quiet.clock.advance(100_000)
    assert.equal(quiet.peer.pings.length, 0)
    const eager = watch({ permitWithoutStream: true })
    eager.peer.streams = 0
    await eager.clock.advance(12_000)
    assert.equal(eager.peer.pings.length, 1)
  })

  it('does nothing when its time is infinite', () => {
    assert.equal(watch({ timeMs: Infinity }).clock.pending, 0)
  })
})

describe('ping enforcement', () => {
  const times = { minTimeMs: 5 * 60_000, permitWithoutStream: false }

  it('ends the connection at the third early ping', async () => {
    const clock = createVirtualClock()
    const enforcement = new PingEnforcement(times, clock)
    assert.equal(enforcement.ping(1), false)
    assert.equal(enforcement.ping(1), false)
    assert.equal(enforcement.ping(1), false)
    assert.equal(enforcement.ping(1), true)
  })

  it('lets pings pass that keep the least time apart', async () => {
    const clock = createVirtualClock()
    const enforcement = new PingEnforcement(times, clock)
    for (let i = 0; i < 20; i++) {
      assert.equal(enforcement.ping(1), false)
      await clock.advance(times.minTimeMs)
    }
  })

  it('forgets strikes when the server sends headers or data', () => {
    const enforcement = new PingEnforcement(times, createVirtualClock())
    for (let i = 0; i < 50; i++) {
      enforcement.sent()
      assert.equal(enforcement.ping(1), false)
      assert.equal(enforcement.ping(1), false)
    }
  })

  it('allows one ping in two hours without streams, or the least time when it is permitted', async () => {
    const clock = createVirtualClock()
    const strict = new PingEnforcement(times, clock)
    const lenient = new PingEnforcement({ ...times, permitWithoutStream: true }, clock)
    const verdicts: boolean[] = []
    for (let i = 0; i < 4; i++) {
      verdicts.push(strict.ping(0))
      assert.equal(lenient.ping(0), false)
      await clock.advance(times.minTimeMs)
    }
    assert.deepEqual(verdicts, [false, false, false, true])
  })
})

describe('connection age', () => {
  const middle: Random = { next: () => 0.5, integer: () => 0, bytes: (target) => target }
  const never: ConnectionAgeTimes = {
    maxIdleMs: Infinity,
    maxAgeMs: Infinity,
    maxAgeGraceMs: Infinity,
  }

  function age(changes: Partial<ConnectionAgeTimes>): {
    clock: VirtualClock
    connection: { streams: number; begun: number; events: string[] }
    limits: ConnectionAge
  } {
    const clock = createVirtualClock()
    const connection = { streams: 0, begun: 0, events: [] as string[] }
    const limits = new ConnectionAge(
      {
        get streams() {
          return connection.streams
        },
        drain: () => void connection.events.push('drain'),
        destroy: () => void connection.events.push('destroy'),
      },
      { ...never, ...changes },
      clock,
      middle,
      () => connection.begun,
    )
    return { clock, connection, limits }
  }

  it('drains an old connection and destroys it when the grace is over', async () => {
    const { clock, connection } = age({ maxAgeMs: 60_000, maxAgeGraceMs: 5000 })
    connection.streams = 1
    await clock.advance(59_999)
    assert.deepEqual(connection.events, [])
    await clock.advance(1)
    assert.deepEqual(connection.events, ['drain'])
    await clock.advance(5000)
    assert.deepEqual(connection.events, ['drain', 'destroy'])
  })

  it('drains a connection without calls, counting calls between its looks', async () => {
    const { clock, connection } = age({ maxIdleMs: 40_000 })
    for (let i = 0; i < 10; i++) {
      await clock.advance(20_000)
      connection.begun++
    }
    assert.deepEqual(connection.events, [])
    connection.streams = 1
    await clock.advance(200_000)
    assert.deepEqual(connection.events, [])
    connection.streams = 0
    await clock.advance(50_000)
    assert.deepEqual(connection.events, ['drain'])
    assert.equal(clock.pending, 0)
  })

  it('holds no timer without limits or after it is stopped', () => {
    assert.equal(age({}).clock.pending, 0)
    const { clock, limits } = age({ maxAgeMs: 1000, maxIdleMs: 1000 })
    limits.stop()
    assert.equal(clock.pending, 0)
  })
})
