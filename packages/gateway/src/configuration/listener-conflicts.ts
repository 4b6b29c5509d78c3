import { overlap } from './hostname.ts'
import type { Fault, ListenerState } from './listener-state.ts'

/** Protocols that share a port, told apart by server name or Host; others stand alone. */
export function family(protocol: string): string {
  return protocol === 'HTTPS' ? 'TLS' : protocol
}

/**
 * Marks listeners that cannot be told apart from another of the same port. Among listeners of one object
 * none wins; a ListenerSet's gives way to those before it (gateway_types.go, GatewaySpec.Listeners;
 * listenerset_types.go).
 */
export function markConflicts(listeners: readonly ListenerState[]): void {
  for (const [i, later] of listeners.entries()) {
    if (later.unaccepted?.reason === 'UnsupportedProtocol') continue
    for (const earlier of listeners.slice(0, i)) {
      const fault = conflictOf(earlier, later)
      if (fault === undefined) continue
      // One that gave way itself takes no port from others.
      if (earlier.conflict !== undefined && earlier.owner !== later.owner) continue
      later.conflict ??= fault
      if (earlier.owner === later.owner) earlier.conflict ??= fault
    }
  }
}

function conflictOf(a: ListenerState, b: ListenerState): Fault | undefined {
  if (a.spec.port !== b.spec.port || a.unaccepted?.reason === 'UnsupportedProtocol')
    return undefined
  if ((a.spec.protocol === 'UDP') !== (b.spec.protocol === 'UDP')) return undefined
  const where = `port ${b.spec.port}`
  if (family(a.spec.protocol) !== family(b.spec.protocol)) {
    const message = `${where} has listeners of protocols ${a.spec.protocol} and ${b.spec.protocol}`
    return { reason: 'ProtocolConflict', message }
  }
  if (a.hostname !== b.hostname) return undefined
  const name = a.hostname === '' ? 'every hostname' : `the hostname ${a.hostname}`
  const message = `${where} has two listeners for ${name}`
  const reason = a.spec.protocol === b.spec.protocol ? 'HostnameConflict' : 'ProtocolConflict'
  return { reason, message }
}

/** Marks HTTPS listeners of one port whose names overlap: clients may reuse a connection for both (GEP-3567). */
export function markOverlaps(listeners: readonly ListenerState[]): void {
  const secure = listeners.filter(
    (state) => state.spec.protocol === 'HTTPS' && state.conflict === undefined,
  )
  for (const [i, a] of secure.entries()) {
    for (const b of secure.slice(i + 1)) {
      if (a.spec.port !== b.spec.port) continue
      if (overlap(a.hostname, b.hostname) !== undefined) {
        mark(a, b, 'OverlappingHostnames', 'hostnames')
      } else if (sharesNames(a, b)) mark(a, b, 'OverlappingCertificates', 'certificate names')
    }
  }
}

function mark(a: ListenerState, b: ListenerState, reason: string, what: string): void {
  const message = (other: ListenerState): string =>
    `its ${what} overlap with those of the listener ${other.spec.name}`
  a.overlapping ??= { reason, message: message(b) }
  b.overlapping ??= { reason, message: message(a) }
}

/** Whether a certificate of one listener is good for names of the other. */
function sharesNames(a: ListenerState, b: ListenerState): boolean {
  return covers(a, b.hostname) || covers(b, a.hostname)
}

function covers(from: ListenerState, hostname: string): boolean {
  if (hostname === '') return false
  return from.certificateNames.some((name) => overlap(name, hostname) !== undefined)
}
