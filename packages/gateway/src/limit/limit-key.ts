import { hash } from 'node:crypto'
import { readClaim } from '../auth/claim.ts'
import type { Identity } from '../auth/auth-result.ts'
import type { RequestView } from '../dataplane/request-view.ts'
import { headerValue, queryValue } from '../router/route-entry.ts'
import { cookieValue } from '../traffic/affinity.ts'
import { addressNetwork } from './address-network.ts'
import type { LimitDescriptor } from './descriptor-spec.ts'
import type { LimitConfig } from './limit-spec.ts'

/** What of an identity keys are made of. */
export type LimitIdentity = Pick<Identity, 'method' | 'consumer' | 'claims'>

interface Condition {
  readonly descriptor: number
  readonly values: ReadonlySet<string>
}

/** Longer keys are told apart by their digest, so that neither hashing nor messages grow with a hostile field. */
const longestKey = 256

/**
 * Makes the key of a request from a limit's descriptors. Addresses are the client's as the listener established it;
 * forwarding fields are never read here.
 */
export class LimitKey {
  /** Of the last request read; the texts of several descriptors are joined so that no two lists look the same. */
  value = ''
  /** Which rate holds: 0 the limit's own, n its n-th override. */
  tier = 0
  readonly #key: readonly LimitDescriptor[]
  readonly #missingAllowed: boolean
  /** Descriptors of the conditions, each once, and their values in the request at hand. */
  readonly #descriptors: readonly LimitDescriptor[]
  readonly #found: (string | undefined)[]
  readonly #tiers: readonly (readonly Condition[])[]

  constructor(config: LimitConfig) {
    this.#key = config.key
    this.#missingAllowed = config.onMissing === 'bucket'
    const places = new Map<string, number>()
    const descriptors: LimitDescriptor[] = []
    this.#tiers = config.conditions.map((conditions) =>
      conditions.map(({ values, ...descriptor }) => {
        const name = JSON.stringify(descriptor)
        let place = places.get(name)
        if (place === undefined) {
          place = descriptors.push(descriptor) - 1
          places.set(name, place)
        }
        return { descriptor: place, values: new Set(values) }
      }),
    )
    this.#descriptors = descriptors
    this.#found = descriptors.map(() => undefined)
  }

  /** Sets `value` and `tier`; false when the request lacks a descriptor that it must have. */
  read(view: RequestView, identity: LimitIdentity): boolean {
    const key = this.#key
    const last = key.length - 1
    let value = ''
    for (let i = 0; i <= last; i++) {
      let part = descriptorValue(key[i] as LimitDescriptor, view, identity)
      if (part === undefined) {
        if (!this.#missingAllowed) return false
        part = ''
      }
      value += i < last ? `${part.length}:${part}` : part
    }
    if (value.length > longestKey) value = `sha256:${hash('sha256', value, 'base64')}`
    this.value = value
    this.tier = this.#tiers.length === 0 ? 0 : this.#tierOf(view, identity)
    return true
  }

  #tierOf(view: RequestView, identity: LimitIdentity): number {
    for (let i = 0; i < this.#descriptors.length; i++) {
      this.#found[i] = descriptorValue(this.#descriptors[i] as LimitDescriptor, view, identity)
    }
    for (let tier = 0; tier < this.#tiers.length; tier++) {
      if (this.#holds(this.#tiers[tier] as readonly Condition[])) return tier + 1
    }
    return 0
  }

  #holds(conditions: readonly Condition[]): boolean {
    for (let i = 0; i < conditions.length; i++) {
      const condition = conditions[i] as Condition
      const value = this.#found[condition.descriptor]
      if (value === undefined || !condition.values.has(value)) return false
    }
    return true
  }
}

/** What the descriptor says about a request; undefined when the request lacks it. */
export function descriptorValue(
  descriptor: LimitDescriptor,
  view: RequestView,
  identity: LimitIdentity,
): string | undefined {
  switch (descriptor.type) {
    case 'clientAddress':
      return addressNetwork(view.clientAddress, descriptor.ipv4Prefix, descriptor.ipv6Prefix)
    case 'header':
      return headerValue(view.headers, descriptor.name)
    case 'query':
      return view.query === '' ? undefined : queryValue(view.query, descriptor.name)
    case 'cookie':
      return cookieValue(view.headers, descriptor.name)
    case 'claim':
      return claimText(readClaim(identity.claims, descriptor.name))
    case 'consumer':
      return identity.consumer === '' ? undefined : identity.consumer
    case 'apiKey':
      return identity.method === 'api-key' ? identity.consumer : undefined
    case 'method':
      return view.method
    case 'host':
      return view.host
    case 'pathPrefix':
      return liesBelow(view.path, descriptor.value) ? descriptor.value : undefined
    case 'constant':
      return descriptor.value
  }
}

function claimText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return undefined
  return JSON.stringify(value)
}

/** By whole segments, as PathPrefix of a route. */
function liesBelow(path: string, prefix: string): boolean {
  const { length } = prefix
  const end = prefix.endsWith('/') ? length - 1 : length
  if (!path.startsWith(end === length ? prefix : prefix.slice(0, end))) return false
  return path.length === end || path[end] === '/'
}
