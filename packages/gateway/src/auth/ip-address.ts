/**
 * Reads an IPv4 or IPv6 address into four words, highest first, and says which it is; 0 for neither. An IPv4
 * address, also one mapped into IPv6 (RFC 4291 section 2.5.5.2), stands in the last word alone. Strict: decimal
 * octets without leading zeros; a zone (`%eth0`) is ignored.
 */
export function parseIp(text: string, into: Uint32Array): 0 | 4 | 6 {
  const { length } = text
  // The longest form is 45 characters, and a zone has at most 15.
  if (length < 2 || length > 64) return 0
  for (let i = 0; i < length && i < 5; i++) {
    if (text.charCodeAt(i) === 0x3a) return parseIpv6(text, into)
  }
  const word = parseIpv4(text, 0, length)
  if (word < 0) return 0
  setIpv4(into, word)
  return 4
}

function setIpv4(into: Uint32Array, word: number): void {
  into[0] = 0
  into[1] = 0
  into[2] = 0
  into[3] = word
}

/** -1 when that part of the text is no IPv4 address. */
function parseIpv4(text: string, start: number, end: number): number {
  let word = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0x2e) {
      if (digits === 0 || ++dots > 3) return -1
      word = word * 256 + octet
      octet = 0
      digits = 0
    } else if (unit >= 0x30 && unit <= 0x39) {
      if (digits > 0 && octet === 0) return -1
      octet = octet * 10 + unit - 0x30
      digits++
      if (octet > 255) return -1
    } else return -1
  }
  return dots === 3 && digits > 0 ? word * 256 + octet : -1
}

const groups = new Uint16Array(8)

function parseIpv6(text: string, into: Uint32Array): 0 | 4 | 6 {
  const zone = text.indexOf('%')
  const end = zone < 0 ? text.length : zone
  let count = 0
  let gap = -1
  let i = 0
  if (text.charCodeAt(0) === 0x3a) {
    if (text.charCodeAt(1) !== 0x3a) return 0
    gap = 0
    i = 2
  }
  while (i < end) {
    const start = i
    let value = 0
    let digit = hexDigit(text.charCodeAt(i))
    while (i < end && digit >= 0) {
      value = value * 16 + digit
      i++
      digit = i < end ? hexDigit(text.charCodeAt(i)) : -1
    }
    if (i < end && text.charCodeAt(i) === 0x2e) {
      const word = parseIpv4(text, start, end)
      if (word < 0 || count > 6) return 0
      groups[count++] = word >>> 16
      groups[count++] = word & 0xffff
      i = end
      break
    }
    if (i === start || i - start > 4 || count === 8) return 0
    groups[count++] = value
    if (i === end) break
    if (text.charCodeAt(i) !== 0x3a) return 0
    i++
    if (i < end && text.charCodeAt(i) === 0x3a) {
      if (gap >= 0) return 0
      gap = count
      i++
    } else if (i === end) return 0
  }
  if (gap < 0 ? count !== 8 : count > 7) return 0
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count)
    groups.fill(0, gap, 8 - (count - gap))
  }
  for (let w = 0; w < 4; w++) {
    into[w] = (((groups[2 * w] as number) << 16) | (groups[2 * w + 1] as number)) >>> 0
  }
  if (into[0] !== 0 || into[1] !== 0 || into[2] !== 0xffff) return 6
  setIpv4(into, into[3] as number)
  return 4
}

function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const lower = unit | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
