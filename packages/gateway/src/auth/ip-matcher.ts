import { parseIp } from './ip-address.ts'

/** A network; an address alone is one of full length. */
export interface IpNetwork {
  readonly family: 4 | 6
  /** First address, in four words. */
  readonly first: Uint32Array
  readonly last: Uint32Array
}

/**
 * The network of a CIDR text, or why it is none. Bits behind the prefix must be zero: `10.0.0.1/8` is a slip of
 * either the address or the length, and a guess would let somebody in. A prefix within `::ffff:0:0/96` is IPv4.
 */
export function parseNetwork(text: string): IpNetwork | string {
  const slash = text.indexOf('/')
  const first = new Uint32Array(4)
  const address = slash < 0 ? text : text.slice(0, slash)
  const family = address.includes('%') ? 0 : parseIp(address, first)
  if (family === 0) return 'an IPv4 or IPv6 address or network, such as 10.0.0.0/8'
  const mapped = family === 4 && address.includes(':')
  const longest = family === 4 && !mapped ? 32 : 128
  let bits = longest
  if (slash >= 0) {
    const digits = text.slice(slash + 1)
    if (!/^(?:0|[1-9]\d{0,2})$/u.test(digits) || Number(digits) > longest) {
      return `a network with a prefix of 0 to ${longest} bits`
    }
    bits = Number(digits)
    if (mapped && bits < 96)
      return 'a network of mapped IPv4 addresses with a prefix of 96 bits or more'
  }
  // In the 128 bits of both families.
  const prefix = family === 4 && !mapped ? bits + 96 : bits
  const last = new Uint32Array(4)
  for (let w = 0; w < 4; w++) {
    const here = Math.min(32, Math.max(0, prefix - 32 * w))
    const host = here === 0 ? 0xffffffff : here === 32 ? 0 : 0xffffffff >>> here
    if (((first[w] as number) & host) !== 0) return `a network whose bits behind /${bits} are zero`
    last[w] = ((first[w] as number) | host) >>> 0
  }
  if (family === 4) {
    last[0] = 0
    last[1] = 0
    last[2] = 0
  }
  return { family, first, last }
}

const asked = new Uint32Array(4)

/**
 * Networks merged and sorted: an address is found by bisection without allocation. IPv4 networks hold mapped
 * addresses too; `::/0` is every IPv6 address and no IPv4 one.
 */
export class IpMatcher {
  /** Pairs of first and last. */
  readonly #four: Uint32Array
  /** Pairs of first and last of four words each. */
  readonly #six: Uint32Array

  constructor(networks: readonly IpNetwork[]) {
    this.#four = Uint32Array.from(
      outermost(networks, 4).flatMap((n) => [n.first[3] as number, n.last[3] as number]),
    )
    const six = outermost(networks, 6)
    this.#six = new Uint32Array(8 * six.length)
    for (const [i, network] of six.entries()) {
      this.#six.set(network.first, 8 * i)
      this.#six.set(network.last, 8 * i + 4)
    }
  }

  /** Whether one of the networks holds the address; never for a text that is no address. */
  has(address: string): boolean {
    const family = parseIp(address, asked)
    return family === 4 ? this.#hasFour(asked[3] as number) : family === 6 && this.#hasSix(asked)
  }

  #hasFour(word: number): boolean {
    const ranges = this.#four
    let low = 0
    let high = (ranges.length >> 1) - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      if (word < (ranges[2 * middle] as number)) high = middle - 1
      else if (word > (ranges[2 * middle + 1] as number)) low = middle + 1
      else return true
    }
    return false
  }

  #hasSix(words: Uint32Array): boolean {
    const ranges = this.#six
    let low = 0
    let high = (ranges.length >> 3) - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      if (compare(words, 0, ranges, 8 * middle) < 0) high = middle - 1
      else if (compare(words, 0, ranges, 8 * middle + 4) > 0) low = middle + 1
      else return true
    }
    return false
  }
}

function compare(a: Uint32Array, from: number, b: Uint32Array, at: number): number {
  for (let w = 0; w < 4; w++) {
    const left = a[from + w] as number
    const right = b[at + w] as number
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}

/** The networks in rising order without those that lie within another. */
function outermost(networks: readonly IpNetwork[], family: 4 | 6): IpNetwork[] {
  // Of two that begin alike the larger one first, so that it swallows the other.
  const sorted = networks
    .filter((network) => network.family === family)
    .toSorted((a, b) => compare(a.first, 0, b.first, 0) || compare(b.last, 0, a.last, 0))
  const kept: IpNetwork[] = []
  for (const network of sorted) {
    const before = kept.at(-1)
    // Networks are nested or apart, never overlapping by a part.
    if (before === undefined || compare(network.first, 0, before.last, 0) > 0) kept.push(network)
  }
  return kept
}
