/** Draws an index with a chance by its weight in constant time (Walker's alias method, built as by Vose). */
export class WeightedDraw {
  #size = 0
  #keep = new Float64Array(0)
  #other = new Uint32Array(0)

  /** Weights above zero. */
  update(weights: Float64Array): void {
    const size = weights.length
    const scale = size / weights.reduce((sum, weight) => sum + weight, 0)
    const keep = weights.map((weight) => weight * scale)
    const other = new Uint32Array(size)
    const small: number[] = []
    const large: number[] = []
    for (let i = 0; i < size; i++) ((keep[i] as number) < 1 ? small : large).push(i)
    while (small.length > 0 && large.length > 0) {
      const poor = small.pop() as number
      const rich = large.at(-1) as number
      other[poor] = rich
      const left = (keep[rich] as number) - (1 - (keep[poor] as number))
      keep[rich] = left
      if (left < 1) {
        large.pop()
        small.push(rich)
      }
    }
    // What is left is 1 but for rounding.
    for (const i of small) keep[i] = 1
    for (const i of large) keep[i] = 1
    this.#size = size
    this.#keep = keep
    this.#other = other
  }

  /** The index for a number in [0, 1). */
  index(chance: number): number {
    const at = chance * this.#size
    const i = at | 0
    return at - i < (this.#keep[i] as number) ? i : (this.#other[i] as number)
  }
}
