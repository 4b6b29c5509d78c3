import { createHash } from 'node:crypto'
import type { ListenerPlan } from './listener-plan.ts'
import type { TcpPort } from './tcp-port.ts'
import { TlsTerminator } from './tls-terminator.ts'

/**
 * One terminator for equal TLS settings of a port, as long as a listener has them: making one costs a parse of its
 * certificates and keys, and an unchanged one goes on with its sessions.
 */
export class TerminatorCache {
  readonly #byPort = new Map<TcpPort, Map<string, TlsTerminator>>()
  readonly #handshakeMs: number
  #ticketKeys: Buffer

  constructor(ticketKeys: Buffer, handshakeMs: number) {
    this.#ticketKeys = ticketKeys
    this.#handshakeMs = handshakeMs
  }

  open(port: TcpPort, listener: ListenerPlan): TlsTerminator | string {
    const { tls, protocol } = listener
    if (tls === undefined || tls.certificates.length === 0) return 'it has no certificate'
    // A route of bytes cannot speak a protocol that it would agree to.
    const alpn = protocol === 'HTTPS' ? tls.alpn : []
    const key = createHash('sha256')
      .update(JSON.stringify([tls.certificates, tls.clientValidation, alpn]))
      .digest('base64url')
    let known = this.#byPort.get(port)
    if (known === undefined) this.#byPort.set(port, (known = new Map()))
    const found = known.get(key)
    if (found !== undefined) return found
    try {
      const made = new TlsTerminator({
        tls,
        alpn,
        ticketKeys: this.#ticketKeys,
        handshakeMs: this.#handshakeMs,
        onSecure: (socket, terminator) => port.onSecure(socket, terminator),
        onFailed: () => port.onHandshakeFailed(),
      })
      known.set(key, made)
      return made
    } catch (error) {
      return (error as Error).message
    }
  }

  /** Forgets those that the port's listeners do not use any more. */
  keep(port: TcpPort, used: ReadonlySet<TlsTerminator>): void {
    const known = this.#byPort.get(port)
    for (const [key, terminator] of known ?? []) if (!used.has(terminator)) known?.delete(key)
  }

  drop(port: TcpPort): void {
    this.#byPort.delete(port)
  }

  /** 48 bytes; sessions under the old keys are not resumed any more. */
  setTicketKeys(keys: Buffer): void {
    this.#ticketKeys = keys
    for (const known of this.#byPort.values())
      for (const terminator of known.values()) terminator.setTicketKeys(keys)
  }
}
