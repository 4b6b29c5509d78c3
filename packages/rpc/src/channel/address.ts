/** Where one backend listens. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** `host:port`, `[v6]:port` or `unix:path`: one text per address, for comparing and for messages. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  const { host, port } = address
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Reads `host:port`, `host`, `[v6]:port`, `[v6]` and a bare IPv6 address; undefined when it is none of them. */
export function parseHostPort(text: string, defaultPort: number): Address | undefined {
  const bracketed = /^\[([^\][]+)\](?::(\d{1,5}))?$/u.exec(text)
  const [, host, port] = bracketed ?? /^([^:[\]/\s]+)(?::(\d{1,5}))?$/u.exec(text) ?? []
  if (host === undefined) {
    // More than one colon and no bracket: an IPv6 address without a port.
    const bare = /^[\da-f]*(?::[\da-f]*){2,}[\d.]*$/iu.test(text)
    return bare ? { kind: 'tcp', host: text, port: defaultPort } : undefined
  }
  const number = port === undefined ? defaultPort : Number(port)
  return number <= 65_535 ? { kind: 'tcp', host, port: number } : undefined
}

/** Addresses of the two IP families in turn, the first one's family first (RFC 8305 section 4, gRFC A61). */
export function interleaveFamilies(addresses: readonly Address[]): readonly Address[] {
  const [first] = addresses
  if (first === undefined) return addresses
  const same = addresses.filter((address) => isV6(address) === isV6(first))
  const other = addresses.filter((address) => isV6(address) !== isV6(first))
  const mixed: Address[] = []
  for (let i = 0; i < Math.max(same.length, other.length); i++) {
    mixed.push(...same.slice(i, i + 1), ...other.slice(i, i + 1))
  }
  return mixed
}

function isV6(address: Address): boolean {
  return address.kind === 'tcp' && address.host.includes(':')
}

/** Without repetitions, order kept. */
export function distinctAddresses(addresses: readonly Address[]): readonly Address[] {
  return [...new Map(addresses.map((address) => [formatAddress(address), address])).values()]
}
