import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import type { Transport } from '../../src/transport/transport.ts'
import { Backend, beginCall, callOnce, openProvider, Relay, transports, until } from './loopback.ts'

const unavailable = 14

function retry(changes: object = {}, throttling?: object): object {
  const retryPolicy = {
    maxAttempts: 4,
    initialBackoff: '0.001s',
    maxBackoff: '0.002s',
    backoffMultiplier: 1,
    retryableStatusCodes: ['UNAVAILABLE'],
    ...changes,
  }
  return {
    methodConfig: [{ name: [{}], retryPolicy }],
    ...(throttling === undefined ? {} : { retryThrottling: throttling }),
  }
}

function hedge(changes: object = {}): object {
  const hedgingPolicy = {
    maxAttempts: 3,
    hedgingDelay: '0.01s',
    nonFatalStatusCodes: ['UNAVAILABLE'],
    ...changes,
  }
  return { methodConfig: [{ name: [{}], hedgingPolicy }] }
}

for (const transport of transports)
  describe(`channel over ${transport.name}`, () => cases(transport))

function cases(transport: Transport): void {
  it('makes a call on the first connection it gets', async () => {
    const backend = await new Backend(transport, (served) =>
      served.answer([`for ${served.body.slice(5)}`]),
    ).listen()
    const provider = openProvider(transport, backend.address)
    const answer = await callOnce(provider)
    assert.equal(answer.code, 0)
    assert.deepEqual(answer.messages, ['for q'])
    assert.equal(provider.state, 'READY')
    await provider.close()
    assert.equal((await callOnce(provider)).code, unavailable)
    await backend.close()
  })

  it('fails calls when nobody listens, or waits when they are to wait for ready', async () => {
    const gone = await new Backend(transport, () => {}).listen()
    await gone.close()
    const provider = openProvider(transport, gone.address)
    const failed = await callOnce(provider)
    assert.equal(failed.code, unavailable)
    assert.equal(failed.processed, 'unsent')
    assert.match(failed.message, /ECONNREFUSED/u)
    const waiting = callOnce(provider, '/t.S/M', 'q', { waitForReady: true })
    const back = new Backend(transport, (served) => served.answer([]))
    await back.listen(Number(gone.address.split(':')[1]))
    assert.equal((await waiting).code, 0)
    await provider.close()
    await back.close()
  })

  it('spreads calls evenly over backends and goes on without one that is killed', async () => {
    const backends = await Promise.all(
      [1, 2, 3].map(() => new Backend(transport, (served) => served.answer([])).listen()),
    )
    const provider = openProvider(
      transport,
      `static:${backends.map((backend) => backend.address).join(',')}`,
      { serviceConfig: { loadBalancingConfig: [{ round_robin: {} }] } },
    )
    await callOnce(provider)
    await until('all are connected', () => provider.stats().connections.length === 3)
    const before = backends.map((backend) => backend.calls.length)
    for (let i = 0; i < 60; i++) assert.equal((await callOnce(provider)).code, 0)
    assert.deepEqual(
      backends.map((backend, index) => backend.calls.length - (before[index] ?? 0)),
      [20, 20, 20],
    )
    await backends[0]?.close()
    await until('its connection is gone', () => provider.stats().connections.length === 2)
    for (let i = 0; i < 20; i++) assert.equal((await callOnce(provider)).code, 0)
    assert.equal(backends[0]?.calls.length, (before[0] ?? 0) + 20)
    await provider.close()
    await Promise.all(backends.slice(1).map((backend) => backend.close()))
  })

  it('fails over to the next address of pick_first', async () => {
    const gone = await new Backend(transport, () => {}).listen()
    await gone.close()
    const first = await new Backend(transport, (served) => served.answer(['1'])).listen()
    const second = await new Backend(transport, (served) => served.answer(['2'])).listen()
    const provider = openProvider(
      transport,
      `static:${gone.address},${first.address},${second.address}`,
    )
    assert.deepEqual((await callOnce(provider)).messages, ['1'])
    await first.close()
    await until('the connection is gone', () => provider.state !== 'READY')
    assert.deepEqual((await callOnce(provider)).messages, ['2'])
    await provider.close()
    await second.close()
  })

  it('retries by the policy, telling how often it has tried', async () => {
    const backend = await new Backend(transport, (served, count) => {
      if (count < 3) served.fail(unavailable)
      else served.answer([served.body.slice(5)])
    }).listen()
    const provider = openProvider(transport, backend.address, { serviceConfig: retry() })
    const answer = await callOnce(provider, '/t.S/M', 'again')
    assert.deepEqual([answer.code, answer.messages], [0, ['again']])
    assert.deepEqual(
      backend.calls.map((served) => served.header('grpc-previous-rpc-attempts')),
      [undefined, '1', '2'],
    )
    assert.equal(provider.statistics.retries, 2)
    await provider.close()
    await backend.close()
  })

  it('gives the last failure when the attempts are used up, and never tries other codes again', async () => {
    const backend = await new Backend(transport, (served) =>
      served.fail(served.path === '/t.S/Fatal' ? 13 : unavailable),
    ).listen()
    const provider = openProvider(transport, backend.address, { serviceConfig: retry() })
    assert.equal((await callOnce(provider)).code, unavailable)
    assert.equal(backend.calls.length, 4)
    assert.equal((await callOnce(provider, '/t.S/Fatal')).code, 13)
    assert.equal(backend.calls.length, 5)
    await provider.close()
    await backend.close()
  })

  it('does not repeat a call whose answer has begun, nor one that was lost, without a policy for it', async () => {
    const backend = await new Backend(transport, (served) => {
      served.begin()
      if (served.path === '/t.S/Begun') served.stream.trailers(['grpc-status', '14'])
      else served.connection.destroy(2, 'crash')
    }).listen()
    const provider = openProvider(transport, backend.address, { serviceConfig: retry() })
    assert.equal((await callOnce(provider, '/t.S/Begun')).code, unavailable)
    assert.equal(backend.calls.length, 1)
    const bare = openProvider(transport, backend.address)
    const lost = await callOnce(bare, '/t.S/Lost')
    assert.equal(lost.processed, 'sent')
    assert.equal(backend.calls.length, 2)
    await Promise.all([provider.close(), bare.close()])
    await backend.close()
  })

  it('obeys the pushback of the server', async () => {
    const backend = await new Backend(transport, (served, count) => {
      const pushback = served.path === '/t.S/Stop' ? '-1' : '0'
      if (served.path === '/t.S/Stop' || count === 1) {
        served.fail(unavailable, ['grpc-retry-pushback-ms', pushback])
      } else served.answer([])
    }).listen()
    const serviceConfig = retry({ initialBackoff: '100s', maxBackoff: '100s' })
    const provider = openProvider(transport, backend.address, { serviceConfig })
    assert.equal((await callOnce(provider)).code, 0)
    assert.equal(backend.calls.length, 2)
    assert.equal((await callOnce(provider, '/t.S/Stop')).code, unavailable)
    assert.equal(backend.calls.length, 3)
    await provider.close()
    await backend.close()
  })

  it('stops retrying while most calls fail', async () => {
    const backend = await new Backend(transport, (served) => served.fail(unavailable)).listen()
    const serviceConfig = retry({}, { maxTokens: 6, tokenRatio: 0.1 })
    const provider = openProvider(transport, backend.address, { serviceConfig })
    await callOnce(provider)
    // 6 tokens, and none is spent below the half: two retries, the third failure closes the throttle.
    assert.equal(backend.calls.length, 3)
    await callOnce(provider)
    assert.equal(backend.calls.length, 4)
    assert.equal(provider.statistics.throttled, 2)
    await provider.close()
    await backend.close()
  })

  it('repeats once what the server refused unseen, even where the policy names other codes', async () => {
    const backend = await new Backend(transport, (served, count) => {
      if (count === 1 || served.path === '/t.S/Never') served.refuse()
      else served.answer(['ok'])
    }).listen()
    const serviceConfig = retry({ retryableStatusCodes: ['ABORTED'] })
    const provider = openProvider(transport, backend.address, { serviceConfig })
    const answer = await callOnce(provider)
    assert.deepEqual([answer.code, answer.messages], [0, ['ok']])
    assert.equal(provider.statistics.transparentRetries, 1)
    assert.equal(backend.calls[1]?.header('grpc-previous-rpc-attempts'), undefined)
    assert.equal((await callOnce(provider, '/t.S/Never')).code, unavailable)
    assert.equal(backend.calls.length, 4)
    await provider.close()
    await backend.close()
  })

  it('hedges a slow call and cancels what is not needed', async () => {
    const backend = await new Backend(transport, (served, count) => {
      if (count === 2) served.answer(['second'])
    }).listen()
    const provider = openProvider(transport, backend.address, { serviceConfig: hedge() })
    const answer = await callOnce(provider)
    assert.deepEqual(answer.messages, ['second'])
    await until('the first is reset', () => backend.calls[0]?.reset === true)
    assert.equal(backend.calls[1]?.header('grpc-previous-rpc-attempts'), '1')
    assert.equal(provider.statistics.hedges, 1)
    await provider.close()
    await backend.close()
  })

  it('hedges at once after a failure that is not fatal, and ends with one that is', async () => {
    const backend = await new Backend(transport, (served, count) => {
      if (count < 3) served.fail(unavailable)
      else served.fail(13)
    }).listen()
    const serviceConfig = hedge({ hedgingDelay: '100s' })
    const provider = openProvider(transport, backend.address, { serviceConfig })
    assert.equal((await callOnce(provider)).code, 13)
    assert.equal(backend.calls.length, 3)
    await provider.close()
    await backend.close()
  })

  it('makes a new connection when the server goes away, while open calls end on the old one', async () => {
    const backend = await new Backend(transport, (served) => {
      if (served.path !== '/t.S/Slow') served.answer(['fast'])
    }).listen()
    const provider = openProvider(transport, backend.address)
    const slow = callOnce(provider, '/t.S/Slow')
    await until('the slow call is there', () => backend.calls.length === 1)
    backend.connections[0]?.drain()
    await until('the client has heard of it', () => provider.state !== 'READY')
    assert.deepEqual((await callOnce(provider)).messages, ['fast'])
    assert.equal(backend.connections.length, 2)
    backend.calls[0]?.answer(['slow'])
    assert.deepEqual((await slow).messages, ['slow'])
    await provider.close()
    await backend.close()
  })

  it('lets calls above the limit of streams wait their turn, and gives up those whose time is over', async () => {
    const open: (() => void)[] = []
    const backend = await new Backend(
      transport,
      (served) => void open.push(() => served.answer([served.body.slice(5)])),
      { maxConcurrentStreams: 2 },
    ).listen()
    const provider = openProvider(transport, backend.address)
    provider.connect()
    await provider.until((state) => state === 'READY', Infinity, undefined)
    const calls = ['a', 'b', 'c', 'd', 'e'].map((text) => beginCall(provider, '/t.S/M', text))
    await until('two are served', () => open.length === 2)
    assert.equal(provider.stats().streamsQueued, 3)
    calls[2]?.attempt.cancel()
    assert.equal(provider.stats().streamsQueued, 2)
    for (let i = 0; i < 4; i++) {
      await until('the next is served', () => open.length > i)
      open[i]?.()
    }
    const others = calls.filter((_, index) => index !== 2)
    const answers = await Promise.all(others.map((one) => one.answer))
    assert.deepEqual(
      answers.map((answer) => answer.messages),
      [['a'], ['b'], ['d'], ['e']],
    )
    assert.equal(backend.calls.length, 4)
    await provider.close()
    await backend.close()
  })

  it('notices a peer that went silent and fails its calls', async () => {
    const backend = await new Backend(transport, () => {}).listen()
    const relay = await new Relay(backend.address).listen()
    const clock = createVirtualClock()
    const provider = openProvider(transport, relay.address, {
      clock,
      keepalive: { timeMs: 10_000, timeoutMs: 1000, permitWithoutStream: false },
    })
    const lost = callOnce(provider)
    await until('the call is there', () => backend.calls.length === 1)
    // An answered ping keeps it.
    await clock.advance(12_000)
    await until('the ping is answered', () => provider.stats().connections.length === 1)
    relay.goSilent()
    // A period of silence, then the time for an answer.
    await clock.advance(25_000)
    const answer = await lost
    assert.equal(answer.code, unavailable)
    assert.equal(answer.processed, 'sent')
    assert.equal(provider.statistics.keepaliveFailures, 1)
    await provider.close()
    await relay.close()
    await backend.close()
  })

  it('closes its connections when it is idle and connects again for the next call', async () => {
    const backend = await new Backend(transport, (served) => served.answer([])).listen()
    const clock = createVirtualClock()
    const provider = openProvider(transport, backend.address, { clock, idleMs: 60_000 })
    await callOnce(provider)
    await clock.advance(76_000)
    assert.equal(provider.state, 'IDLE')
    await until('the connection is gone', () => provider.stats().connections.length === 0)
    assert.equal((await callOnce(provider)).code, 0)
    assert.equal(backend.connections.length, 2)
    await provider.close()
    await backend.close()
  })

  it('keeps several connections to one address when told to, and uses all of them', async () => {
    const backend = await new Backend(transport, (served) => served.answer([])).listen()
    const provider = openProvider(transport, backend.address, { connections: 3 })
    await callOnce(provider)
    await until('all are connected', () => provider.stats().connections.length === 3)
    for (let i = 0; i < 9; i++) await callOnce(provider)
    const used = new Set(backend.calls.map((served) => served.connection))
    assert.equal(used.size, 3)
    await provider.close()
    await backend.close()
  })
}
