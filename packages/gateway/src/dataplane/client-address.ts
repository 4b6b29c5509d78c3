import { BlockList, isIP, isIPv6 } from 'node:net'
import type { ListenerSettings } from '../listener/listener-plan.ts'

/** An IPv4 address that a dual-stack socket shows as IPv6, in its own form. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** Which proxies in front of us are believed, made once from a listener's settings. */
export class TrustedProxies {
  /** Nobody is: the client is the peer, and forwarding fields of a request are replaced. */
  readonly none: boolean
  readonly #hops: number
  readonly #networks: BlockList | undefined

  constructor(settings: ListenerSettings) {
    this.#hops = settings.trustedHops
    this.#networks =
      settings.trustedNetworks.length === 0 ? undefined : blockList(settings.trustedNetworks)
    this.none = this.#hops <= 0 && this.#networks === undefined
  }

  /** Whether forwarding fields from this peer are believed. */
  trusts(peer: string): boolean {
    return this.#isTrusted(peer, 0)
  }

  /**
   * The client as the trusted part of the chain tells it: peer first, then X-Forwarded-For from its right end; the first
   * that is not trusted. What follows it may be made up and is not read.
   */
  client(peer: string, forwardedFor: string): string {
    let address = peer
    let end = forwardedFor.length
    for (let hop = 0; this.#isTrusted(address, hop) && end > 0; hop++) {
      const comma = forwardedFor.lastIndexOf(',', end - 1)
      const entry = readEntry(forwardedFor.slice(comma + 1, end))
      if (entry === undefined) break
      address = entry
      end = comma < 0 ? 0 : comma
    }
    return address
  }

  #isTrusted(address: string, hop: number): boolean {
    if (hop < this.#hops) return true
    return this.#networks?.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') === true
  }
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; undefined for what is no address. */
function readEntry(text: string): string | undefined {
  let entry = text.trim()
  if (entry.startsWith('[')) entry = entry.slice(1, Math.max(1, entry.indexOf(']')))
  else if (isIP(entry) === 0) entry = entry.replace(/:\d{1,5}$/u, '')
  return isIP(entry) === 0 ? undefined : plainAddress(entry)
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

const trust = new WeakMap<ListenerSettings, TrustedProxies>()

/** The proxies of those settings; made once. */
export function trustedProxies(settings: ListenerSettings): TrustedProxies {
  let proxies = trust.get(settings)
  if (proxies === undefined) {
    proxies = new TrustedProxies(settings)
    trust.set(settings, proxies)
  }
  return proxies
}
