import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import { sharedTimerWheel, type Clock } from '@tidemill/core'
import type { Host } from '../balance/host.ts'
import { type BackendTls, identityFault, secureContext, sniName } from './backend-tls.ts'

/** Protocols offered by ALPN, in the order of preference. */
export const offers = {
  http1: ['http/1.1'],
  h2: ['h2'],
  auto: ['h2', 'http/1.1'],
} as const

export type Offer = keyof typeof offers

/** Gets a connected socket (its handshake done), or why there is none, in English and without the peer's words. */
export interface SocketTaker {
  onSocket(socket: Socket): void
  onNoSocket(reason: string): void
}

/** A connection that is being made. */
export interface Opening {
  /** Gives it up; the taker hears nothing more. */
  cancel(): void
}

/** Makes connections to hosts with one set of settings. */
export class Connector {
  readonly tls: BackendTls | undefined
  readonly #clock: Clock
  readonly #timeoutMs: number
  #context: SecureContext | undefined = undefined

  constructor(clock: Clock, tls: BackendTls | undefined, timeoutMs: number) {
    this.#clock = clock
    this.tls = tls
    this.#timeoutMs = timeoutMs
  }

  /** Without TLS whatever the settings say: for routes of bytes; both directions end on their own. */
  openPlain(host: Host, taker: SocketTaker): Opening {
    const { address, port } = host
    const socket = connectTcp({ host: address, port, noDelay: true, allowHalfOpen: true })
    return this.#await(host, socket, 'connect', taker)
  }

  open(host: Host, offer: Offer, taker: SocketTaker): Opening {
    const { address, port } = host
    const { tls } = this
    // An ended HTTP/2 connection still sends; one of HTTP/1.1 that has ended is of no use.
    const allowHalfOpen = offer !== 'http1'
    if (tls === undefined) {
      const socket = connectTcp({ host: address, port, noDelay: true, allowHalfOpen })
      return this.#await(host, socket, 'connect', taker)
    }
    let socket: TLSSocket
    try {
      this.#context ??= secureContext(tls)
      const options = { host: address, port, allowHalfOpen, servername: sniName(tls) }
      socket = connectTls({
        ...options,
        secureContext: this.#context,
        rejectUnauthorized: true,
        ALPNProtocols: [...offers[offer]],
        checkServerIdentity: (_name, certificate) => identityFault(tls, certificate),
      })
    } catch {
      return failLater(host, taker)
    }
    return this.#await(host, socket, 'secureConnect', taker)
  }

  #await(host: Host, socket: Socket, ready: string, taker: SocketTaker): Opening {
    const settle = (): void => {
      limit.stop()
      socket.off('error', onError)
      socket.off('close', onClose)
      socket.off(ready, onReady)
    }
    const cut = (): void => {
      settle()
      socket.on('error', ignore)
      socket.destroy()
    }
    const fail = (what: string): void => {
      cut()
      taker.onNoSocket(`no connection to ${host.key}: ${what}`)
    }
    const onError = (error: NodeJS.ErrnoException): void => fail(faultText(error))
    const onClose = (): void => fail('it was closed')
    const onReady = (): void => {
      settle()
      if (ready === 'secureConnect') socket.setNoDelay(true)
      taker.onSocket(socket)
    }
    const limit = sharedTimerWheel(this.#clock).timer(() =>
      fail(`nothing within ${this.#timeoutMs} ms`),
    )
    limit.start(this.#timeoutMs)
    socket.on('error', onError)
    socket.on('close', onClose)
    socket.on(ready, onReady)
    return { cancel: cut }
  }
}

function ignore(): void {
  // Nobody waits for this socket any more.
}

/** The settings themselves cannot be used. */
function failLater(host: Host, taker: SocketTaker): Opening {
  let wanted = true
  queueMicrotask(() => {
    if (wanted) taker.onNoSocket(`no connection to ${host.key}: its TLS settings cannot be used`)
  })
  return {
    cancel: () => {
      wanted = false
    },
  }
}

const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENOTFOUND: 'the name is not known',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** What a peer sends may stand in the message, never in the code. */
function faultText(error: NodeJS.ErrnoException): string {
  const code = error.code ?? ''
  return texts[code] ?? (/^[A-Z\d_]{1,64}$/u.test(code) ? code : 'failed')
}
