import { parseIp } from '../auth/ip-address.ts'

const words = new Uint32Array(4)

/**
 * The network that an address lies in, as a text to compare: an IPv4 address as it is (also one mapped into IPv6), an
 * IPv6 address by its first 64 bits, because whoever has one address of a /64 has them all. What is no address stays
 * as it is.
 */
export function addressNetwork(address: string, ipv4Prefix = 32, ipv6Prefix = 64): string {
  if (ipv4Prefix === 32 && !address.includes(':')) return address
  const family = parseIp(address, words)
  if (family === 0) return address
  if (family === 4) {
    const word = masked(words[3] as number, ipv4Prefix)
    const text = `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
    return ipv4Prefix === 32 ? text : `${text}/${ipv4Prefix}`
  }
  let text = ''
  for (let i = 0, bits = ipv6Prefix; bits > 0; i++, bits -= 32) {
    text += `${masked(words[i] as number, Math.min(bits, 32)).toString(16)}:`
  }
  return `${text}/${ipv6Prefix}`
}

function masked(word: number, bits: number): number {
  return bits === 32 ? word : (word & ~(0xffffffff >>> bits)) >>> 0
}
