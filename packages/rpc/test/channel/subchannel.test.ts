import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, type Random, type VirtualClock } from '@tidemill/core'
import { SingleSubchannel } from '../../src/channel/subchannel.ts'
import { SubchannelGroup } from '../../src/channel/subchannel-group.ts'
import { FakeConnector, tcp } from './fake-connector.ts'

/** No jitter: in the middle of every range. */
const even: Random = { next: () => 0.5, integer: () => 0, bytes: (target) => target }

function setUp(): {
  clock: VirtualClock
  connector: FakeConnector
  states: string[]
  subchannel: SingleSubchannel<ReturnType<FakeConnector['last']['ready']>>
} {
  const clock = createVirtualClock()
  const connector = new FakeConnector()
  const states: string[] = []
  const subchannel = new SingleSubchannel(
    tcp(1),
    { clock, connector, random: even },
    { changed: () => void states.push(subchannel.state), slots: () => void states.push('slots') },
  )
  return { clock, connector, states, subchannel }
}

describe('subchannel', () => {
  it('connects only when told to and hands out its connection while that has slots', () => {
    const { connector, states, subchannel } = setUp()
    assert.equal(subchannel.state, 'IDLE')
    assert.equal(connector.attempts.length, 0)
    subchannel.connect()
    subchannel.connect()
    assert.equal(connector.attempts.length, 1)
    const connection = connector.last.ready()
    assert.deepEqual(states, ['CONNECTING', 'READY'])
    assert.equal(subchannel.take(), connection)
    connection.slots = 0
    assert.equal(subchannel.take(), undefined)
    assert.deepEqual(subchannel.connections(), [connection])
    connection.listener.slots()
    assert.equal(states.at(-1), 'slots')
  })

  it('starts attempts 1 s, 1.6 s, 2.56 s ... 120 s apart, from start to start', async () => {
    const { clock, connector, subchannel } = setUp()
    let expected = 1000
    for (let attempt = 1; attempt <= 14; attempt++) {
      subchannel.connect()
      assert.equal(connector.attempts.length, attempt)
      const startedAt = clock.monotonic()
      await clock.advance(300)
      connector.last.fail()
      assert.equal(subchannel.state, 'TRANSIENT_FAILURE')
      assert.equal(subchannel.failure, '127.0.0.1:1: refused')
      await clock.advance(expected - 301)
      assert.equal(subchannel.state, 'TRANSIENT_FAILURE')
      await clock.advance(2)
      assert.equal(subchannel.state, 'IDLE')
      assert.ok(clock.monotonic() - startedAt >= expected)
      expected = Math.min(120_000, expected * 1.6)
    }
  })

  it('gives an attempt 20 s, or the backoff where that is longer', async () => {
    const { clock, connector, subchannel } = setUp()
    subchannel.connect()
    await clock.advance(19_999)
    assert.equal(subchannel.state, 'CONNECTING')
    await clock.advance(1)
    // The backoff counts from the start of the attempt and is long over.
    assert.equal(connector.last.cancelled, true)
    assert.match(subchannel.failure, /not ready in time/u)
    await clock.advance(0)
    assert.equal(subchannel.state, 'IDLE')
  })

  it('begins the backoff anew after a connection was ready', async () => {
    const { clock, connector, subchannel } = setUp()
    for (let i = 0; i < 5; i++) {
      subchannel.connect()
      connector.last.fail()
      await clock.advance(120_000)
    }
    subchannel.connect()
    connector.last.ready().listener.closed('reset')
    assert.equal(subchannel.state, 'IDLE')
    subchannel.connect()
    connector.last.fail()
    await clock.advance(1600)
    assert.equal(subchannel.state, 'IDLE')
  })

  it('replaces a connection that goes away and lets its calls end', () => {
    const { connector, states, subchannel } = setUp()
    subchannel.connect()
    const first = connector.last.ready()
    first.listener.draining('GOAWAY')
    assert.equal(first.drained, true)
    assert.equal(subchannel.state, 'IDLE')
    assert.equal(subchannel.take(), undefined)
    subchannel.connect()
    const second = connector.last.ready()
    // What still happens to the first says nothing about the second.
    first.listener.closed('gone')
    first.listener.slots()
    assert.equal(subchannel.take(), second)
    assert.deepEqual(states, ['CONNECTING', 'READY', 'IDLE', 'CONNECTING', 'READY'])
  })

  it('is silent after close and drains what it had', async () => {
    const { clock, connector, states, subchannel } = setUp()
    subchannel.connect()
    const connection = connector.last.ready()
    states.length = 0
    subchannel.close()
    connection.listener.closed('x')
    assert.equal(connection.drained, true)
    const other = setUp()
    other.subchannel.connect()
    other.subchannel.close()
    assert.equal(other.connector.last.cancelled, true)
    assert.equal(other.connector.last.ready().drained, true)
    await clock.advance(200_000)
    assert.deepEqual(states, [])
    assert.equal(subchannel.state, 'SHUTDOWN')
    assert.equal(other.clock.pending, 0)
  })
})

describe('subchannel group', () => {
  it('keeps the given number of connections and takes them in turn', () => {
    const clock = createVirtualClock()
    const connector = new FakeConnector()
    const events: string[] = []
    const group = new SubchannelGroup(
      tcp(1),
      3,
      { clock, connector, random: even },
      {
        changed: () => void events.push(group.state),
        slots: () => void events.push('slots'),
      },
    )
    group.connect()
    assert.equal(connector.attempts.length, 3)
    const connections = connector.attempts.map((attempt) => attempt.ready())
    assert.equal(events[0], 'CONNECTING')
    assert.equal(group.state, 'READY')
    const taken = [1, 2, 3, 4, 5, 6].map(() => group.take())
    assert.deepEqual(new Set(taken), new Set(connections))
    assert.deepEqual(taken.slice(0, 3), taken.slice(3))

    const [first] = connections
    first?.listener.closed('reset')
    assert.equal(group.state, 'READY')
    assert.equal(connector.attempts.length, 4)
    assert.equal(group.connections().length, 2)
  })

  it('fails only when every connection has failed', () => {
    const clock = createVirtualClock()
    const connector = new FakeConnector()
    const group = new SubchannelGroup(
      tcp(1),
      2,
      { clock, connector, random: even },
      {
        changed: () => {},
        slots: () => {},
      },
    )
    group.connect()
    connector.attempts[0]?.fail()
    assert.equal(group.state, 'CONNECTING')
    connector.attempts[1]?.fail()
    assert.equal(group.state, 'TRANSIENT_FAILURE')
    assert.match(group.failure, /refused/u)
    group.close()
    assert.equal(clock.pending, 0)
  })
})
