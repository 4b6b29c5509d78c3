import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

/** A string that only its own kind of id can stand in for. */
export type Id<Kind extends string> = string & { readonly __id?: Kind }

/** Makes UUIDv7 texts (RFC 9562 section 5.7), rising within one maker even inside one millisecond. */
export function createUuid7(clock: Clock, random: Random): () => string {
  const tail = new Uint8Array(10)
  let lastMs = -1
  let counter = 0
  return () => {
    const ms = Math.max(clock.now(), lastMs)
    random.bytes(tail)
    // rand_a is a counter seeded low, so that ids of one millisecond stay in order (section 6.2, method 1).
    if (ms === lastMs) counter++
    else counter = ((tail[0] ?? 0) << 2) | ((tail[1] ?? 0) & 3)
    lastMs = counter > 0xfff ? ms + 1 : ms
    if (counter > 0xfff) counter = 0
    const time = lastMs.toString(16).padStart(12, '0')
    const low = (0x7000 | counter).toString(16)
    const variant = (0x80 | ((tail[2] ?? 0) & 0x3f)).toString(16)
    let rest = ''
    for (let i = 3; i < 10; i++) rest += (tail[i] ?? 0).toString(16).padStart(2, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-${low}-${variant}${rest.slice(0, 2)}-${rest.slice(2)}`
  }
}
