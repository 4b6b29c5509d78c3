import type { ListenerResolver } from '../dataplane/connection-facts.ts'
import type { ListenerPlan, SocketPlan } from './listener-plan.ts'
import { NameTable } from './name-table.ts'

/** What the connections of a socket begin with. */
export type SocketKind = 'http' | 'tls' | 'tcp' | 'none'

function kindOf(listeners: readonly ListenerPlan[]): SocketKind {
  if (listeners.some(({ protocol }) => protocol === 'HTTPS' || protocol === 'TLS')) return 'tls'
  if (listeners.some(({ protocol }) => protocol === 'HTTP')) return 'http'
  return listeners.some(({ protocol }) => protocol === 'TCP') ? 'tcp' : 'none'
}

function matters(listener: ListenerPlan, kind: SocketKind): boolean {
  if (kind === 'tls') return listener.tls !== undefined && listener.protocol !== 'TCP'
  return listener.protocol.toLowerCase() === kind
}

/** The listeners of one TCP socket at one moment. */
export class ListenerTable {
  readonly kind: SocketKind
  /** Those that can be reached. */
  readonly listeners: readonly ListenerPlan[]
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly #byName = new NameTable<ListenerPlan>()
  /** The only listener, when it takes every name. */
  readonly #only: ListenerPlan | undefined

  constructor(plan: SocketPlan) {
    this.kind = kindOf(plan.listeners)
    this.listeners = plan.listeners.filter((listener) => matters(listener, this.kind))
    for (const listener of this.listeners) this.#byName.add(listener.hostname, listener)
    // Before the first byte nobody knows whose connection it is: the most generous listener's limits hold.
    this.maxConnections = Math.max(0, ...this.listeners.map((one) => one.settings.maxConnections))
    this.maxConnectionsPerAddress = Math.max(
      0,
      ...this.listeners.map((one) => one.settings.maxConnectionsPerAddress),
    )
    const [first] = this.listeners
    this.#only = this.listeners.length === 1 && first?.hostname === '' ? first : undefined
  }

  /** The listener with the most specific hostname that takes the name. */
  find(name: string): ListenerPlan | undefined {
    return this.#only ?? this.#byName.find(name)
  }

  resolve(host: string, serverName: string): ListenerPlan | 'misdirected' | undefined {
    if (this.#only !== undefined) return this.#only
    const found = this.#byName.find(host)
    if (this.kind !== 'tls' || found === undefined) return found
    // Gateway API, listeners of one port: whose certificate was shown must be who answers.
    return found === this.#byName.find(serverName) ? found : 'misdirected'
  }
}

/** Follows the table of a socket, so that open connections see each change at once. */
export class SocketResolver implements ListenerResolver {
  table: ListenerTable

  constructor(table: ListenerTable) {
    this.table = table
  }

  resolve(host: string, serverName: string): ListenerPlan | 'misdirected' | undefined {
    return this.table.resolve(host, serverName)
  }
}
