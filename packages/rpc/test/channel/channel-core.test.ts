import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, type Random, TidemillError, type VirtualClock } from '@tidemill/core'
import { ChannelCore, type ChannelCoreOptions } from '../../src/channel/channel-core.ts'
import { ChannelStatistics } from '../../src/channel/channel-statistics.ts'
import type { PendingCall } from '../../src/channel/pending-call.ts'
import type { ResolverListener } from '../../src/channel/resolver.ts'
import { type FakeConnection, FakeConnector, tcp } from './fake-connector.ts'

const even: Random = { next: () => 0.5, integer: () => 0, bytes: (target) => target }

class Call implements PendingCall<FakeConnection> {
  readonly path = '/a.B/C'
  readonly waitForReady: boolean
  queueIndex = -1
  connection: FakeConnection | undefined
  failure: { code: number; message: string } | undefined

  constructor(waitForReady = false) {
    this.waitForReady = waitForReady
  }

  onConnection(connection: FakeConnection): void {
    this.connection = connection
    connection.slots--
  }

  onUnavailable(code: number, message: string): void {
    this.failure = { code, message }
  }
}

interface Bed {
  readonly clock: VirtualClock
  readonly connector: FakeConnector
  readonly core: ChannelCore<FakeConnection>
  /** Of the resolver at work. */
  readonly names: { listener: ResolverListener | undefined; opened: number; closed: number }
  readonly call: (waitForReady?: boolean) => Call
}

function setUp(changes: Partial<ChannelCoreOptions<FakeConnection>> = {}): Bed {
  const clock = createVirtualClock()
  const connector = new FakeConnector()
  const names: Bed['names'] = { listener: undefined, opened: 0, closed: 0 }
  const core = new ChannelCore<FakeConnection>({
    target: { text: 'x', scheme: 'dns', authority: '', endpoint: 'x' },
    resolver: {
      authority: () => 'x',
      create: (_target, listener) => {
        names.opened++
        names.listener = listener
        return {
          resolve: () => {},
          close: () => void names.closed++,
        }
      },
    },
    connector,
    clock,
    random: even,
    serviceConfig: undefined,
    txtServiceConfig: false,
    connections: 1,
    maxQueuedCalls: 100,
    idleMs: 60_000,
    statistics: new ChannelStatistics(),
    monitor: () => ({ cancel: () => {} }),
    ...changes,
  })
  const call = (waitForReady?: boolean): Call => {
    const made = new Call(waitForReady)
    core.start(made)
    return made
  }
  return { clock, connector, core, names, call }
}

const roundRobin = { loadBalancingConfig: [{ round_robin: {} }] }

describe('channel', () => {
  it('resolves and connects with its first call, which waits', () => {
    const { call, connector, core, names } = setUp()
    assert.equal(core.state, 'IDLE')
    assert.equal(names.opened, 0)
    const first = call()
    assert.equal(core.state, 'CONNECTING')
    names.listener?.resolved({ addresses: [tcp(1)] })
    assert.equal(first.connection, undefined)
    const connection = connector.last.ready()
    assert.equal(core.state, 'READY')
    assert.equal(first.connection, connection)
    assert.equal(call().connection, connection)
    assert.equal(core.statistics.attempts, 2)
    assert.equal(core.statistics.queued, 1)
  })

  it('fails calls with UNAVAILABLE in TRANSIENT_FAILURE unless they wait for ready', async () => {
    const { call, clock, connector, core, names } = setUp()
    const early = call()
    const patient = call(true)
    names.listener?.resolved({ addresses: [tcp(1)] })
    connector.last.fail('refused')
    assert.equal(early.failure?.code, 14)
    assert.match(early.failure?.message ?? '', /127\.0\.0\.1:1: refused/u)
    assert.equal(call().failure?.code, 14)
    assert.equal(patient.failure, undefined)
    await clock.advance(1000)
    connector.last.ready()
    assert.notEqual(patient.connection, undefined)
    assert.equal(core.waiting, 0)
  })

  it('fails calls when the name cannot be resolved, and keeps addresses it had', () => {
    const { call, connector, core, names } = setUp()
    const first = call()
    names.listener?.failed('ENOTFOUND')
    assert.equal(first.failure?.message, 'name resolution failed: ENOTFOUND')
    assert.equal(core.state, 'TRANSIENT_FAILURE')
    names.listener?.resolved({ addresses: [tcp(1)] })
    const connection = connector.last.ready()
    names.listener?.failed('ENOTFOUND')
    assert.equal(core.state, 'READY')
    assert.equal(call().connection, connection)
    names.listener?.resolved({ addresses: [] })
    assert.equal(call().failure?.message, 'the name has no address')
    assert.equal(connection.drained, true)
  })

  it('queues calls above the free slots in order and starts them as slots come free', () => {
    const { call, connector, core, names } = setUp()
    core.connect()
    names.listener?.resolved({ addresses: [tcp(1)] })
    const connection = connector.last.ready()
    connection.slots = 1
    const calls = [call(), call(), call(), call()]
    const started = (): readonly boolean[] => calls.map((one) => one.connection !== undefined)
    assert.deepEqual(started(), [true, false, false, false])
    assert.equal(core.withdraw(calls[1] as Call), true)
    assert.equal(core.withdraw(calls[1] as Call), false)
    connection.slots = 1
    connection.listener.slots()
    assert.deepEqual(started(), [true, false, true, false])
    assert.equal(core.waiting, 1)
  })

  it('refuses calls with RESOURCE_EXHAUSTED when the queue is full', () => {
    const { call, core } = setUp({ maxQueuedCalls: 2 })
    const calls = [call(), call(), call()]
    assert.deepEqual(
      calls.map((one) => one.failure?.code),
      [undefined, undefined, 8],
    )
    assert.equal(core.statistics.queueOverflows, 1)
    core.withdraw(calls[0] as Call)
    assert.equal(call().failure, undefined)
  })

  it('keeps the process alive while calls wait, and not longer', () => {
    const { call, clock, core } = setUp({ idleMs: Infinity })
    const first = call()
    assert.equal(clock.pending, 1)
    core.withdraw(first)
    assert.equal(clock.pending, 0)
  })

  it('connects again for calls that wait when the connection breaks', () => {
    const { call, connector, names } = setUp()
    call()
    names.listener?.resolved({ addresses: [tcp(1)] })
    const connection = connector.last.ready()
    connection.slots = 0
    const waiting = call()
    connection.listener.closed('reset')
    assert.equal(connector.attempts.length, 2)
    assert.equal(waiting.failure, undefined)
    assert.equal(connector.last.ready(), waiting.connection)
  })

  it('stays idle when a connection breaks without calls, also when the addresses come anew', () => {
    const { call, connector, core, names } = setUp()
    call()
    names.listener?.resolved({ addresses: [tcp(1)] })
    connector.last.ready().listener.closed('reset')
    names.listener?.resolved({ addresses: [tcp(1), tcp(2)] })
    assert.equal(core.state, 'IDLE')
    assert.equal(connector.attempts.length, 1)
  })

  it('becomes idle without calls, closing everything, and comes back with the next call', async () => {
    const { call, clock, connector, core, names } = setUp()
    call()
    names.listener?.resolved({ addresses: [tcp(1)] })
    const connection = connector.last.ready()
    connection.streams = 1
    await clock.advance(600_000)
    assert.equal(core.state, 'READY')
    connection.streams = 0
    await clock.advance(30_000)
    call()
    await clock.advance(45_000)
    assert.equal(core.state, 'READY')
    await clock.advance(30_000)
    assert.equal(core.state, 'IDLE')
    assert.equal(connection.drained, true)
    assert.equal(names.closed, 1)
    assert.equal(clock.pending, 0)
    const late = call()
    assert.equal(names.opened, 2)
    assert.equal(core.state, 'CONNECTING')
    names.listener?.resolved({ addresses: [tcp(1)] })
    assert.equal(connector.last.ready(), late.connection)
  })

  it('uses the balancing policy of the config, the given one before that of the resolver', () => {
    const given = setUp({ serviceConfig: roundRobin })
    given.core.connect()
    const other = { loadBalancingConfig: [{ pick_first: {} }] }
    given.names.listener?.resolved({ addresses: [tcp(1), tcp(2)], serviceConfig: other })
    assert.equal(given.connector.attempts.length, 2)
    const found = setUp()
    found.core.connect()
    found.names.listener?.resolved({ addresses: [tcp(1), tcp(2)], serviceConfig: roundRobin })
    assert.equal(found.connector.attempts.length, 2)
    found.connector.attempts[0]?.ready()
    found.names.listener?.resolved({ addresses: [tcp(1), tcp(2)], serviceConfig: other })
    // The new policy has its own connections; calls wait for them.
    assert.equal(found.core.state, 'CONNECTING')
    assert.equal(found.connector.attempts.length, 3)
  })

  it('fails on a bad first config of the resolver and ignores a bad later one', () => {
    const { call, connector, core, names } = setUp()
    const first = call()
    names.listener?.resolved({ addresses: [tcp(1)], serviceConfig: '{' })
    assert.match(first.failure?.message ?? '', /service config is invalid/u)
    names.listener?.resolved({
      addresses: [tcp(1)],
      serviceConfig: { methodConfig: [{ name: [{}], timeout: '1s' }] },
    })
    connector.last.ready()
    names.listener?.resolved({ addresses: [tcp(1)], serviceConfig: { methodConfig: 1 } })
    assert.equal(core.state, 'READY')
    assert.equal(core.method('/a.B/C').timeoutMs, 1000)
  })

  it('fails what waits and everything new once it is closed', () => {
    const { call, clock, connector, core, names } = setUp()
    const ready = call()
    names.listener?.resolved({ addresses: [tcp(1)] })
    const connection = connector.last.ready()
    connection.slots = 0
    const waiting = call(true)
    core.close()
    core.close()
    assert.equal(waiting.failure?.code, 14)
    assert.equal(call(true).failure?.message, 'the channel is closed')
    assert.equal(connection.drained, true)
    assert.equal(ready.failure, undefined)
    assert.equal(core.state, 'SHUTDOWN')
    assert.equal(clock.pending, 0)
  })

  it('tells those who wait for a state, until their time is over or their signal aborts', async () => {
    const { clock, connector, core, names } = setUp({ idleMs: Infinity })
    const ready = core.until((state) => state === 'READY', 5000, undefined)
    core.connect()
    names.listener?.resolved({ addresses: [tcp(1)] })
    connector.last.ready()
    assert.equal(await ready, 'READY')
    const late = core.until((state) => state === 'IDLE', 5000, undefined)
    const refused = assert.rejects(late, (error) => TidemillError.is(error, 'TM_CORE_DEADLINE'))
    await clock.advance(5000)
    await refused
    const abort = new AbortController()
    const gone = core.until((state) => state === 'IDLE', Infinity, abort.signal)
    abort.abort(new Error('enough'))
    await assert.rejects(gone, /enough/u)
    const never = core.until((state) => state === 'IDLE', Infinity, undefined)
    core.close()
    const isClosed = (error: unknown): boolean => TidemillError.is(error, 'TM_CORE_CLOSED')
    await assert.rejects(never, isClosed)
    await assert.rejects(
      core.until(() => false, Infinity, undefined),
      isClosed,
    )
    assert.equal(clock.pending, 0)
  })
})
