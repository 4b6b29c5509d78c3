import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { ConnectionWindow } from '../../src/flow/connection-window.ts'
import { ReceiveBudget } from '../../src/flow/receive-budget.ts'
import { StreamWindow } from '../../src/flow/stream-window.ts'
import { WindowTuner } from '../../src/flow/window-tuner.ts'

const mebibyte = 1024 * 1024

interface Link {
  readonly bytesPerMs: number
  readonly rttMs: number
  readonly maxWindow: number
}

interface Outcome {
  readonly streamWindow: number
  readonly connectionWindow: number
  /** Bytes received in the last half second. */
  readonly received: number
  readonly rttMs: number
}

/** One stream that always has data, over a link, to a receiver that reads at once; a step is a millisecond. */
async function run({ bytesPerMs, rttMs, maxWindow }: Link, ms: number): Promise<Outcome> {
  const clock = createVirtualClock()
  const budget = new ReceiveBudget(256 * mebibyte)
  const tuner = new WindowTuner({
    clock,
    budget,
    streamWindow: mebibyte,
    connectionWindow: 4 * mebibyte,
    maxWindow,
  })
  const connection = new ConnectionWindow(budget)
  const stream = new StreamWindow(budget, mebibyte)
  const sender = { stream: mebibyte, connection: 65_535 }
  const oneWay = rttMs / 2
  const toSender: { at: number; run: () => void }[] = []
  const toReceiver: { at: number; run: () => void }[] = []
  let acknowledged = mebibyte
  let received = 0
  const back = (at: number, action: () => void): void => {
    toSender.push({ at: at + oneWay, run: action })
  }
  const creditConnection = (at: number, bytes: number): void => {
    if (bytes > 0) back(at, () => (sender.connection += bytes))
  }
  const announce = (at: number): void => {
    const window = tuner.announce()
    if (window < 0) return
    back(at, () => {
      sender.stream += window - acknowledged
      toReceiver.push({
        at: at + rttMs,
        run: () => {
          stream.adjust(window - acknowledged)
          acknowledged = window
        },
      })
    })
  }
  creditConnection(0, connection.raise(tuner.connectionWindow))
  for (let now = 0; now < ms; now++) {
    if (now === ms - 500) received = 0
    while (toSender[0] !== undefined && toSender[0].at <= now) toSender.shift()?.run()
    while (toReceiver[0] !== undefined && toReceiver[0].at <= now) toReceiver.shift()?.run()
    const bytes = Math.min(bytesPerMs, sender.stream, sender.connection)
    if (bytes > 0) {
      sender.stream -= bytes
      sender.connection -= bytes
      const at = now + oneWay
      toReceiver.push({
        at,
        run: () => {
          received += bytes
          const increment = connection.received(bytes)
          assert.notEqual(increment, -1)
          creditConnection(at, increment)
          assert.ok(stream.received(bytes))
          if (tuner.received(bytes)) {
            back(at, () =>
              toReceiver.push({
                at: at + rttMs,
                run: () => {
                  if (!tuner.answered()) return
                  announce(at + rttMs)
                  creditConnection(at + rttMs, connection.raise(tuner.connectionWindow))
                },
              }),
            )
          }
          const given = stream.read(bytes, Math.min(acknowledged, tuner.announced))
          if (given > 0) back(at, () => (sender.stream += given))
          creditConnection(at, connection.read(bytes))
        },
      })
    }
    await clock.advance(1)
    assert.ok(tuner.streamWindow <= 16 * mebibyte && connection.size <= 16 * mebibyte)
  }
  return {
    streamWindow: tuner.announced,
    connectionWindow: connection.size,
    received,
    rttMs: tuner.rttMs,
  }
}

test('one stream at 50 ms grows from 1 MiB to what the link carries, and then fills it', async () => {
  const link = { bytesPerMs: 100_000, rttMs: 50, maxWindow: 16 * mebibyte }
  const outcome = await run(link, 2000)
  const product = link.bytesPerMs * link.rttMs
  assert.ok(outcome.streamWindow >= product, `${outcome.streamWindow}`)
  assert.ok(outcome.connectionWindow >= product)
  assert.ok(outcome.received >= 0.95 * 500 * link.bytesPerMs, `${outcome.received}`)
  assert.ok(Math.abs(outcome.rttMs - 50) < 5, `${outcome.rttMs}`)
})

test('without tuning the same stream gets a window in a round trip', async () => {
  const outcome = await run({ bytesPerMs: 100_000, rttMs: 50, maxWindow: 0 }, 2000)
  assert.equal(outcome.streamWindow, mebibyte)
  assert.ok(outcome.received <= (500 / 50) * mebibyte * 1.3)
})

test('a link that carries more than 16 MiB in a round trip gets 16 MiB', async () => {
  const outcome = await run({ bytesPerMs: 1_000_000, rttMs: 50, maxWindow: 16 * mebibyte }, 2000)
  assert.equal(outcome.streamWindow, 16 * mebibyte)
  assert.equal(outcome.connectionWindow, 16 * mebibyte)
})

test('a slow link keeps the floor', async () => {
  const outcome = await run({ bytesPerMs: 1000, rttMs: 50, maxWindow: 16 * mebibyte }, 2000)
  assert.equal(outcome.streamWindow, mebibyte)
  assert.equal(outcome.connectionWindow, 4 * mebibyte)
})
