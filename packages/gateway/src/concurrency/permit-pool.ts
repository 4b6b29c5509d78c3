/** A pass for one request, a positive number; 0 is a refusal. Each is valid once. */
export type ConcurrencyPermit = number

const slotBits = 16
const mostSlots = 1 << slotBits
const generations = 0x7fff

/**
 * Counts the permits that are out. A permit names its slot and the slot's generation, so that giving one back twice, or
 * one that never was, changes nothing.
 */
export class PermitPool {
  active = 0
  /** Permits given back that were not out. */
  stale = 0
  #generation = new Uint16Array(64).fill(1)
  #out = new Uint8Array(64)
  /** Slots that came back, and how many were ever used. */
  #free = new Uint16Array(64)
  #freeCount = 0
  #used = 0

  /** A permit, or 0 when 65,536 are out. */
  take(): ConcurrencyPermit {
    let slot: number
    if (this.#freeCount > 0) slot = this.#free[--this.#freeCount] as number
    else if (this.#used === mostSlots) return 0
    else {
      slot = this.#used++
      if (slot === this.#out.length) this.#grow()
    }
    this.#out[slot] = 1
    this.active++
    return ((this.#generation[slot] as number) << slotBits) | slot
  }

  /** Whether the permit was out; it is not any more. */
  give(permit: ConcurrencyPermit): boolean {
    const slot = permit & (mostSlots - 1)
    const generation = permit >>> slotBits
    if (slot >= this.#used || this.#out[slot] !== 1 || this.#generation[slot] !== generation) {
      this.stale++
      return false
    }
    this.#out[slot] = 0
    // From 1, so that no permit is 0.
    this.#generation[slot] = generation === generations ? 1 : generation + 1
    this.#free[this.#freeCount++] = slot
    this.active--
    return true
  }

  #grow(): void {
    const { length } = this.#out
    const out = new Uint8Array(length * 2)
    out.set(this.#out)
    const generation = new Uint16Array(length * 2).fill(1)
    generation.set(this.#generation)
    const free = new Uint16Array(length * 2)
    free.set(this.#free)
    this.#out = out
    this.#generation = generation
    this.#free = free
  }
}
