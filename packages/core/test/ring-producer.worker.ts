import { workerData } from 'node:worker_threads'
import { ringProducer } from '@tidemill/core'

const { memory, count, pauseEvery } = workerData as {
  memory: SharedArrayBuffer
  count: number
  pauseEvery: number
}
const producer = ringProducer(memory)
const message = new Uint8Array(8)
const view = new DataView(message.buffer)
const pause = new Int32Array(new SharedArrayBuffer(4))
for (let i = 0; i < count; i++) {
  view.setUint32(0, i)
  view.setUint32(4, ~i >>> 0)
  while (!producer.tryPush(message)) Atomics.wait(pause, 0, 0, 0.05)
  // Lets the consumer run dry and park, so that the wake-up is what delivers the next message.
  if (i % pauseEvery === 0) Atomics.wait(pause, 0, 0, 0.05)
}
