import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, type VirtualClock } from '@tidemill/core'
import type { Address } from '../../src/channel/address.ts'
import { ChannelStatistics } from '../../src/channel/channel-statistics.ts'
import { ManagedConnector } from '../../src/channel/managed-connector.ts'
import type {
  Peer,
  TransportConnection,
  TransportListener,
  TransportStats,
  TransportStream,
} from '../../src/transport/transport.ts'
import { tcp } from './fake-connector.ts'

/** A transport connection that keeps what was asked of it. */
class Connection implements TransportConnection {
  readonly listener: TransportListener
  slots = 1
  streams = 1
  bytesReceived = 0
  pings = 0
  drained = 0
  destroyed: string | undefined

  constructor(listener: TransportListener) {
    this.listener = listener
  }

  get peer(): Peer {
    throw new Error('not asked for')
  }

  request(): TransportStream {
    throw new Error('not asked for')
  }

  stats(): TransportStats {
    throw new Error('not asked for')
  }

  ping(): void {
    this.pings++
  }

  drain(): void {
    this.drained++
  }

  destroy(_code: number, reason: string): void {
    this.destroyed = reason
    this.listener.closed(reason)
  }
}

function setUp(): {
  clock: VirtualClock
  connector: ManagedConnector
  statistics: ChannelStatistics
  heard: string[]
  open: () => Connection
} {
  const clock = createVirtualClock()
  const statistics = new ChannelStatistics()
  const listeners: TransportListener[] = []
  const heard: string[] = []
  const inner = {
    connect(_address: Address, listener: TransportListener): { cancel(): void } {
      listeners.push(listener)
      return { cancel: () => {} }
    },
  }
  const times = { timeMs: 10_000, timeoutMs: 1000, permitWithoutStream: false }
  const connector = new ManagedConnector(inner, times, clock, statistics)
  const open = (): Connection => {
    connector.connect(tcp(1), {
      ready: () => void heard.push('ready'),
      failed: (reason) => void heard.push(`failed ${reason}`),
      draining: (reason) => void heard.push(`draining ${reason}`),
      closed: (reason) => void heard.push(`closed ${reason}`),
      slots: () => void heard.push('slots'),
    })
    const listener = listeners.at(-1) as TransportListener
    const connection = new Connection(listener)
    listener.ready(connection)
    return connection
  }
  return { clock, connector, statistics, heard, open }
}

describe('connections of a channel', () => {
  it('are ended when the peer does not answer pings', async () => {
    const { clock, heard, open, statistics } = setUp()
    const connection = open()
    await clock.advance(13_000)
    assert.equal(connection.pings, 1)
    assert.match(connection.destroyed ?? '', /did not answer a keepalive ping/u)
    assert.equal(heard.at(-1), `closed ${connection.destroyed}`)
    assert.equal(statistics.keepaliveFailures, 1)
    assert.equal(clock.pending, 0)
  })

  it('are pinged half as often after a server complained of too many pings', async () => {
    const { clock, open } = setUp()
    open().listener.closed('the server goes away (code 11): too_many_pings')
    const second = open()
    await clock.advance(19_000)
    assert.equal(second.pings, 0)
    await clock.advance(5000)
    assert.equal(second.pings, 1)
  })

  it('are waited for when the channel is closed, and destroyed after the grace', async () => {
    const { clock, connector, open } = setUp()
    const [first, second] = [open(), open()]
    let over = false
    const ending = connector.end(5000).then(() => {
      over = true
    })
    assert.deepEqual([first.drained, second.drained], [1, 1])
    first.listener.closed('done')
    await clock.advance(4999)
    assert.equal(over, false)
    await clock.advance(1)
    await ending
    assert.equal(first.destroyed, undefined)
    assert.equal(second.destroyed, 'the channel is closed')
    assert.equal(clock.pending, 0)
  })

  it('end at once when there is none', async () => {
    const { clock, connector, open } = setUp()
    await connector.end(5000)
    const last = open()
    const ending = connector.end(5000)
    last.listener.closed('done')
    await ending
    assert.equal(clock.pending, 0)
  })
})
