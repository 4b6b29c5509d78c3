/**
 * What a client's address is counted under: IPv4 as it is (also where it comes mapped into IPv6), IPv6 by its /64,
 * because one customer has at least that many addresses.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1)
  const zone = address.indexOf('%')
  const plain = zone < 0 ? address : address.slice(0, zone)
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length
    while (before.length + after < 8) before.push('0')
    if (before.length < 4) before.push(...tail.split(':'))
  }
  return `${before
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/u, '').toLowerCase())
    .join(':')}::/64`
}
