import { randomFillSync } from 'node:crypto'

/** Where chance comes from, so that a test or a seeded demo can replay it. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** An integer in [0, below). */
  integer(below: number): number
  /** Fills the array with random bytes and returns it. */
  bytes(target: Uint8Array): Uint8Array
}

// One request for many small draws: a call to the system for each id is a tenth of the time of a busy append.
const pool = new Uint8Array(4096)
let used = pool.length

function poolBytes(target: Uint8Array): Uint8Array {
  if (target.length > 64) return randomFillSync(target)
  if (used + target.length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const end = used + target.length
  for (let i = 0; used < end; i++, used++) {
    target[i] = pool[used] as number
    // What was handed out must not be found in memory later.
    pool[used] = 0
  }
  return target
}

/** Chance from the operating system for bytes, from the engine for numbers. */
export const realRandom: Random = {
  next: () => Math.random(),
  integer: (below) => Math.floor(Math.random() * below),
  bytes: poolBytes,
}

/** The same sequence for the same seed (mulberry32); not for secrets. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    integer: (below) => Math.floor(next() * below),
    bytes(target) {
      for (let i = 0; i < target.length; i++) target[i] = Math.floor(next() * 256)
      return target
    },
  }
}
