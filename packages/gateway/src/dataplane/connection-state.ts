import type { ListenerPlan } from '../listener/listener-plan.ts'
import { plainAddress, type TrustedProxies, trustedProxies } from './client-address.ts'
import type { ClientRequest } from './client-request.ts'
import type { ConnectionFacts } from './connection-facts.ts'
import type { PlaneContext } from './plane-context.ts'

/** What the requests of one connection share. */
export class ConnectionState {
  readonly plane: PlaneContext
  readonly facts: ConnectionFacts
  readonly remoteAddress: string
  readonly scheme: 'http' | 'https'
  readonly portText: string
  readonly proxies: TrustedProxies
  readonly #serverName: string
  #host = ''
  #name = ''

  constructor(plane: PlaneContext, facts: ConnectionFacts, remoteAddress: string) {
    this.plane = plane
    this.facts = facts
    this.remoteAddress = plainAddress(remoteAddress)
    this.scheme = facts.peer === undefined ? 'http' : 'https'
    this.portText = String(facts.port)
    this.proxies = trustedProxies(facts.settings)
    this.#serverName = facts.peer?.serverName ?? ''
  }

  /** What the connection says about each of its requests. */
  describe(request: ClientRequest): void {
    const { facts, proxies, remoteAddress } = this
    request.scheme = this.scheme
    request.remoteAddress = remoteAddress
    request.port = facts.port
    request.peer = facts.peer
    if (proxies.none) request.clientAddress = remoteAddress
    else {
      request.trusted = proxies.trusts(remoteAddress)
      request.clientAddress = proxies.client(remoteAddress, request.forwardedFor)
    }
    if (request.requestId === '') request.requestId = this.plane.makeRequestId()
  }

  /** Which listener takes the request; asked anew each time, for the configuration may have changed. */
  listener(host: string): ListenerPlan | 'misdirected' | undefined {
    // A connection nearly always asks for one host.
    if (host !== this.#host) {
      this.#host = host
      this.#name = hostName(host)
    }
    return this.facts.listeners.resolve(this.#name, this.#serverName)
  }
}

/** A host in lower case, without its port and a trailing dot. */
function hostName(host: string): string {
  const bracket = host.lastIndexOf(']')
  const colon = host.indexOf(':', bracket + 1)
  const name = (colon < 0 ? host : host.slice(0, colon)).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}
