import { coreErrors } from './errors.ts'

export interface RingOptions {
  /** Slots; a power of two up to 2^24. */
  readonly capacity: number
  /** Most bytes of one message; default 508, so that a slot is 512. */
  readonly slotBytes?: number
  /** First sequence number; only a test of the wrap at 2^31 sets it. */
  readonly start?: number
}

/** The writing end; one thread only. */
export interface RingProducer {
  readonly capacity: number
  /** Messages written and not yet released by the consumer. */
  readonly size: number
  /** How many pushes found the ring full. */
  readonly rejected: number
  /**
   * Copies a message in and wakes a parked consumer. False when the ring is full, and then nothing
   * was written: the caller answers its overload outcome. Never blocks. Throws TM_CORE_RING_OVERSIZE.
   */
  tryPush(bytes: Uint8Array, start?: number, end?: number): boolean
}

/** Gets one message: it stands in `bytes` from `start` to `end`, and only until the call returns. */
export type RingHandler = (bytes: Uint8Array, start: number, end: number) => void

/** The reading end; one thread only. */
export interface RingConsumer {
  readonly size: number
  /**
   * Gives what is there now, oldest first, at most `most` messages; returns how many. A message whose
   * handler throws counts as read, and the error passes to the caller.
   */
  drain(handler: RingHandler, most?: number): number
  /** Blocks this thread until a message is there or `ms` (at most 1000) are over; true when one is there. Not on a main thread. */
  park(ms?: number): boolean
  /** As {@link park}, without blocking. Does not keep the event loop alive. */
  parkAsync(ms?: number): Promise<boolean>
}

// Each of the three words that threads contend for has a cache line of its own.
const HEAD = 0
const TAIL = 16
const SLEEPING = 32
const CAPACITY = 48
const STRIDE = 49
const headerBytes = 256
const longestPark = 1000
/** Slots are given back in groups, so that a long batch does not hold the producer up. */
const releaseEvery = 64

/**
 * Memory of a ring from one thread to one other: a message is at most `slotBytes` long, capacity and
 * slots are fixed. Give it to {@link ringProducer} on one thread and {@link ringConsumer} on the other.
 */
export function createRing(options: RingOptions): SharedArrayBuffer {
  const { capacity, slotBytes = 508, start = 0 } = options
  if (
    !Number.isInteger(capacity) ||
    capacity < 1 ||
    capacity > 1 << 24 ||
    capacity & (capacity - 1)
  ) {
    refuse('capacity', capacity, 'a power of two from 1 to 16777216')
  }
  if (!Number.isInteger(slotBytes) || slotBytes < 1 || slotBytes > 1 << 20) {
    refuse('slotBytes', slotBytes, 'an integer from 1 to 1048576')
  }
  const stride = Math.ceil((slotBytes + 4) / 64) * 64
  const memory = new SharedArrayBuffer(headerBytes + capacity * stride)
  const words = new Int32Array(memory)
  words[CAPACITY] = capacity
  words[STRIDE] = stride
  words[HEAD] = start | 0
  words[TAIL] = start | 0
  return memory
}

function refuse(name: string, received: number, expected: string): never {
  throw coreErrors.error('TM_CORE_RING_OPTIONS', { name, received, expected })
}

export function ringProducer(memory: SharedArrayBuffer): RingProducer {
  const words = new Int32Array(memory)
  const bytes = new Uint8Array(memory)
  const capacity = words[CAPACITY] as number
  const stride = words[STRIDE] as number
  const limit = stride - 4
  let head = Atomics.load(words, HEAD)
  // The consumer's position as last read; it is read again only when the ring looks full.
  let tail = Atomics.load(words, TAIL)
  let rejected = 0
  return {
    capacity,
    get size() {
      return (head - Atomics.load(words, TAIL)) | 0
    },
    get rejected() {
      return rejected
    },
    tryPush(message, start = 0, end = message.length) {
      const length = end - start
      if (length > limit) {
        throw coreErrors.error('TM_CORE_RING_OVERSIZE', { bytes: length, limit })
      }
      if (((head - tail) | 0) === capacity) {
        tail = Atomics.load(words, TAIL)
        if (((head - tail) | 0) === capacity) {
          rejected++
          return false
        }
      }
      const slot = headerBytes + (head & (capacity - 1)) * stride
      words[slot >> 2] = length
      if (length === message.length) bytes.set(message, slot + 4)
      else bytes.set(message.subarray(start, end), slot + 4)
      head = (head + 1) | 0
      // Sequentially consistent: whoever reads this head also sees the bytes written above.
      Atomics.store(words, HEAD, head)
      if (Atomics.load(words, SLEEPING) === 1) {
        Atomics.store(words, SLEEPING, 0)
        Atomics.notify(words, SLEEPING, 1)
      }
      return true
    },
  }
}

export function ringConsumer(memory: SharedArrayBuffer): RingConsumer {
  const words = new Int32Array(memory)
  const bytes = new Uint8Array(memory)
  const mask = (words[CAPACITY] as number) - 1
  const stride = words[STRIDE] as number
  let tail = Atomics.load(words, TAIL)
  const available = (): number => (Atomics.load(words, HEAD) - tail) | 0
  // Between "it is empty" and the wait a message may come; only a second look after raising the flag sees it.
  const sleepsOnEmpty = (): boolean => {
    Atomics.store(words, SLEEPING, 1)
    if (available() === 0) return true
    Atomics.store(words, SLEEPING, 0)
    return false
  }
  const awake = (): boolean => {
    Atomics.store(words, SLEEPING, 0)
    return available() > 0
  }
  return {
    get size() {
      return available()
    },
    drain(handler, most = Infinity) {
      const count = Math.min(available(), most)
      try {
        for (let i = 0; i < count; i++) {
          const slot = headerBytes + (tail & mask) * stride
          const start = slot + 4
          tail = (tail + 1) | 0
          handler(bytes, start, start + (words[slot >> 2] as number))
          if (tail % releaseEvery === 0) Atomics.store(words, TAIL, tail)
        }
      } finally {
        Atomics.store(words, TAIL, tail)
      }
      return count
    },
    park(ms = longestPark) {
      if (sleepsOnEmpty()) Atomics.wait(words, SLEEPING, 1, Math.min(ms, longestPark))
      return awake()
    },
    async parkAsync(ms = longestPark) {
      if (sleepsOnEmpty()) {
        await Atomics.waitAsync(words, SLEEPING, 1, Math.min(ms, longestPark)).value
      }
      return awake()
    },
  }
}
