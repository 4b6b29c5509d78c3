import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createSeededRandom,
  createVirtualClock,
  type Random,
  type VirtualClock,
} from '@tidemill/core'
import { interleaveFamilies } from '../../src/channel/address.ts'
import type { Connectivity } from '../../src/channel/connectivity.ts'
import type { Balancer, BalancerHost, BalancerPolicy } from '../../src/channel/load-balancer.ts'
import { pickFirst } from '../../src/channel/pick-first.ts'
import { type Picker, waitingPicker } from '../../src/channel/picker.ts'
import { roundRobin } from '../../src/channel/round-robin.ts'
import { SingleSubchannel } from '../../src/channel/subchannel.ts'
import { type FakeConnection, FakeConnector, tcp } from './fake-connector.ts'

const even: Random = { next: () => 0.5, integer: () => 0, bytes: (target) => target }

interface Bed {
  readonly clock: VirtualClock
  readonly connector: FakeConnector
  readonly balancer: Balancer
  readonly states: Connectivity[]
  readonly now: { picker: Picker<FakeConnection>; resolves: number; retries: number }
}

function setUp(policy: BalancerPolicy, random = even): Bed {
  const clock = createVirtualClock()
  const connector = new FakeConnector()
  const states: Connectivity[] = []
  const now: Bed['now'] = { picker: waitingPicker, resolves: 0, retries: 0 }
  const host: BalancerHost<FakeConnection> = {
    clock,
    random,
    subchannel: (address, listener) =>
      new SingleSubchannel(address, { clock, connector, random }, listener),
    update(state, picker) {
      states.push(state)
      now.picker = picker
    },
    retryPicks: () => void now.retries++,
    resolve: () => void now.resolves++,
    monitor: () => ({ cancel: () => {} }),
  }
  return { clock, connector, balancer: policy.create(host), states, now }
}

describe('pick_first', () => {
  it('connects to nothing until it is asked, then to the first address only', () => {
    const { balancer, connector, now, states } = setUp(pickFirst)
    balancer.update([tcp(1), tcp(2)], {})
    assert.deepEqual(states, ['IDLE'])
    balancer.connect()
    assert.deepEqual(connector.addresses, ['127.0.0.1:1'])
    const connection = connector.last.ready()
    assert.deepEqual(states, ['IDLE', 'CONNECTING', 'READY'])
    assert.equal(now.picker.pick(), connection)
  })

  it('tries the next address when one fails, or beside it after 250 ms', async () => {
    const { balancer, clock, connector, now } = setUp(pickFirst)
    balancer.update([tcp(1), tcp(2), tcp(3)], {})
    balancer.connect()
    connector.last.fail()
    assert.deepEqual(connector.addresses, ['127.0.0.1:1', '127.0.0.1:2'])
    await clock.advance(249)
    assert.equal(connector.attempts.length, 2)
    await clock.advance(1)
    assert.equal(connector.attempts.length, 3)
    // The slower one wins all the same when it is ready first; the other is given up.
    const connection = connector.attempts[1]?.ready()
    assert.equal(now.picker.pick(), connection)
    assert.equal(connector.attempts[2]?.cancelled, true)
  })

  it('fails calls once every address has failed, keeps trying, and recovers', async () => {
    const { balancer, clock, connector, now, states } = setUp(pickFirst)
    balancer.update([tcp(1), tcp(2)], {})
    balancer.connect()
    connector.last.fail()
    assert.equal(states.at(-1), 'CONNECTING')
    connector.last.fail('no route')
    assert.equal(states.at(-1), 'TRANSIENT_FAILURE')
    assert.equal(now.picker.failure?.code, 14)
    assert.match(now.picker.failure?.message ?? '', /127\.0\.0\.1:2: no route/u)
    assert.equal(now.resolves, 1)
    await clock.advance(1000)
    assert.equal(connector.attempts.length, 4)
    // Trying again does not make calls wait again.
    assert.equal(states.at(-1), 'TRANSIENT_FAILURE')
    balancer.update([tcp(2), tcp(1)], {})
    assert.equal(states.at(-1), 'TRANSIENT_FAILURE')
    assert.equal(connector.last.address, '127.0.0.1:2')
    connector.last.ready()
    assert.equal(states.at(-1), 'READY')
  })

  it('is idle when its connection is lost, and asks for the addresses anew', () => {
    const { balancer, connector, now, states } = setUp(pickFirst)
    balancer.update([tcp(1)], {})
    balancer.connect()
    connector.last.ready().listener.closed('reset')
    assert.equal(states.at(-1), 'IDLE')
    assert.equal(now.resolves, 1)
    assert.equal(connector.attempts.length, 1)
    balancer.connect()
    assert.equal(connector.attempts.length, 2)
  })

  it('keeps a connection whose address is still listed and drains one that is not', () => {
    const { balancer, connector, now, states } = setUp(pickFirst)
    balancer.update([tcp(1), tcp(2)], {})
    balancer.connect()
    const connection = connector.last.ready()
    balancer.update([tcp(3), tcp(1)], {})
    assert.equal(now.picker.pick(), connection)
    balancer.update([tcp(3)], {})
    assert.equal(connection.drained, true)
    assert.equal(states.at(-1), 'IDLE')
  })

  it('mixes the addresses when it is told to', () => {
    const firsts = new Set<string>()
    for (let seed = 0; seed < 30; seed++) {
      const { balancer, connector } = setUp(pickFirst, createSeededRandom(seed))
      balancer.update([tcp(1), tcp(2), tcp(3)], { shuffleAddressList: true })
      balancer.connect()
      firsts.add(connector.last.address)
    }
    assert.equal(firsts.size, 3)
  })

  it('takes the two IP families in turn', () => {
    const mixed = interleaveFamilies([tcp(1, '::1'), tcp(2, '::2'), tcp(3), tcp(4)])
    assert.deepEqual(mixed, [tcp(1, '::1'), tcp(3), tcp(2, '::2'), tcp(4)])
  })

  it('leaves no timer behind when it is closed', () => {
    const { balancer, clock, connector } = setUp(pickFirst)
    balancer.update([tcp(1), tcp(2)], {})
    balancer.connect()
    balancer.close()
    assert.equal(clock.pending, 0)
    assert.equal(connector.last.cancelled, true)
  })
})

describe('round_robin', () => {
  function readyBed(): Bed & { connections: readonly FakeConnection[] } {
    const bed = setUp(roundRobin)
    bed.balancer.update([tcp(1), tcp(2), tcp(3)], {})
    const connections = bed.connector.attempts.map((attempt) => attempt.ready())
    return { ...bed, connections }
  }

  function picked(bed: Bed, count: number): readonly (string | undefined)[] {
    return Array.from({ length: count }, () => bed.now.picker.pick()?.address)
  }

  it('connects to every address at once and uses those that are ready in turn', () => {
    const bed = readyBed()
    assert.deepEqual(new Set(bed.connector.addresses).size, 3)
    const order = picked(bed, 9)
    for (const address of bed.connector.addresses) {
      assert.equal(order.filter((other) => other === address).length, 3)
    }
    assert.deepEqual(order.slice(0, 3), order.slice(3, 6))
  })

  it('passes over connections without a free slot', () => {
    const bed = readyBed()
    const [first, second, third] = bed.connections
    if (first !== undefined) first.slots = 0
    assert.deepEqual(new Set(picked(bed, 6)), new Set([second?.address, third?.address]))
    for (const connection of bed.connections) connection.slots = 0
    assert.deepEqual(picked(bed, 1), [undefined])
    first?.listener.slots()
    assert.equal(bed.now.retries, 1)
  })

  it('leaves out a backend that is lost, and connects to it again by itself', () => {
    const bed = readyBed()
    bed.connections[0]?.listener.closed('reset')
    assert.deepEqual(new Set(picked(bed, 4)), new Set(['127.0.0.1:2', '127.0.0.1:3']))
    assert.equal(bed.now.resolves, 1)
    assert.equal(bed.connector.last.address, '127.0.0.1:1')
    bed.connector.last.ready()
    assert.equal(new Set(picked(bed, 3)).size, 3)
  })

  it('fails only when every backend has failed, and stays so while it connects again', async () => {
    const bed = setUp(roundRobin)
    bed.balancer.update([tcp(1), tcp(2)], {})
    bed.connector.attempts[0]?.fail()
    assert.equal(bed.states.at(-1), 'CONNECTING')
    bed.connector.attempts[1]?.fail('no route')
    assert.equal(bed.states.at(-1), 'TRANSIENT_FAILURE')
    assert.match(bed.now.picker.failure?.message ?? '', /no route/u)
    await bed.clock.advance(1000)
    assert.equal(bed.connector.attempts.length, 4)
    assert.equal(bed.states.at(-1), 'TRANSIENT_FAILURE')
    bed.connector.last.ready()
    assert.equal(bed.states.at(-1), 'READY')
  })

  it('goes on in its turn while a backend that is not ready comes and goes', async () => {
    const bed = readyBed()
    bed.connections[0]?.listener.closed('reset')
    const { picker } = bed.now
    for (let i = 0; i < 3; i++) {
      bed.connector.last.fail()
      await bed.clock.advance(5000)
    }
    assert.equal(bed.connector.attempts.length, 7)
    assert.equal(bed.now.picker, picker)
    bed.balancer.close()
  })

  it('follows the list of addresses', () => {
    const bed = readyBed()
    bed.balancer.update([tcp(2), tcp(4)], {})
    assert.deepEqual(
      bed.connections.map((connection) => connection.drained),
      [true, false, true],
    )
    assert.deepEqual(picked(bed, 2), ['127.0.0.1:2', '127.0.0.1:2'])
    bed.connector.last.ready()
    assert.equal(new Set(picked(bed, 2)).size, 2)
    bed.balancer.close()
    assert.equal(bed.clock.pending, 0)
  })
})
