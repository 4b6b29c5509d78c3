/** Whether the lower-case name is a field of one connection only; told by its length first, as most names are not. */
function isOfConnection(name: string): boolean {
  switch (name.length) {
    case 2:
      return name === 'te'
    case 7:
      return name === 'upgrade'
    case 10:
      return name === 'connection' || name === 'keep-alive'
    case 14:
      return name === 'http2-settings'
    case 16:
      return name === 'proxy-connection'
    case 17:
      return name === 'transfer-encoding'
    case 18:
      return name === 'proxy-authenticate'
    case 19:
      return name === 'proxy-authorization'
    default:
      return false
  }
}

/** Removes the fields of the connection and those it nominates, in place; returns the value of Keep-Alive or ''. */
export function stripConnectionFields(list: string[], nominated: readonly string[]): string {
  let keepAlive = ''
  let to = 0
  for (let from = 0; from + 1 < list.length; from += 2) {
    const name = list[from] as string
    if (isOfConnection(name)) {
      if (name === 'keep-alive') keepAlive = list[from + 1] as string
      continue
    }
    if (nominated.length > 0 && nominated.includes(name)) continue
    if (to !== from) {
      list[to] = name
      list[to + 1] = list[from + 1] as string
    }
    to += 2
  }
  if (to !== list.length) list.length = to
  return keepAlive
}

/** How long a connection is kept when the server says nothing: the usual server closes after 5 s. */
export const plainIdleMs = 4000
/** A server that closes at the same moment as we send would cost an attempt. */
const marginMs = 4000

/** How long a connection may be kept unused, from the Keep-Alive field of its server. */
export function keptMs(keepAlive: string): number {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,9})(?=$|[,;\s])/u.exec(keepAlive)?.[1]
  if (seconds === undefined) return plainIdleMs
  const advertised = Number(seconds) * 1000
  return Math.max(advertised - marginMs, Math.min(1000, advertised / 2))
}
