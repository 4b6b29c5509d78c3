import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createRing, ringConsumer } from '@tidemill/core'

async function carry(count: number, capacity: number, pauseEvery: number): Promise<number> {
  const memory = createRing({ capacity, slotBytes: 60, start: 2 ** 31 - 500 })
  const consumer = ringConsumer(memory)
  const worker = new Worker(new URL('./ring-producer.worker.ts', import.meta.url), {
    workerData: { memory, count, pauseEvery },
    execArgv: process.execArgv.filter((arg) => arg.startsWith('--conditions')),
  })
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', () => resolve())
  })
  const view = new DataView(memory)
  let next = 0
  let lost = 0
  const handler = (_: Uint8Array, start: number): void => {
    assert.equal(view.getUint32(start), next)
    assert.equal(view.getUint32(start + 4), ~next >>> 0)
    next++
  }
  for (let drained = 0, read = 0; drained < count; drained += read) {
    read = consumer.drain(handler)
    if (read > 0) continue
    const before = performance.now()
    await consumer.parkAsync(1000)
    // The producer never rests so long: a whole second asleep is a wake-up that was lost.
    if (drained > 0 && performance.now() - before > 990) lost++
  }
  await ended
  return lost
}

describe('ring between threads', () => {
  it('carries a million messages in order, none lost or torn, over the wrap', {
    timeout: 120_000,
  }, async () => {
    assert.equal(await carry(1_000_000, 1024, 100_000), 0)
  })

  it('loses no wake-up when the consumer parks between messages', {
    timeout: 120_000,
  }, async () => {
    assert.equal(await carry(20_000, 2, 1), 0)
  })
})
