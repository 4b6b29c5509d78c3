import { createServer, type Server } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import { type Clock, realClock, silentLogger } from '@tidemill/core'
import { createHost } from '../../src/balance/host.ts'
import type { ConnectionFacts } from '../../src/dataplane/connection-facts.ts'
import {
  defaultListenerSettings,
  type ListenerPlan,
  type SocketPlan,
  type StreamPlan,
  type TlsPlan,
} from '../../src/listener/listener-plan.ts'
import { ListenerSet, type ListenerSetOptions } from '../../src/listener/listener-set.ts'
import type { RulePlan } from '../../src/rule-plan.ts'
import type { Router } from '../../src/router/index.ts'
import type { Cluster } from '../../src/upstream/cluster.ts'

/** Lets the event loop turn until something is so; the test's own time limit is the limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

/** Nobody in these tests routes. */
const router = {} as unknown as Router<RulePlan>

export function listener(fields: Partial<ListenerPlan> & { readonly name: string }): ListenerPlan {
  return {
    gateway: 'default/gw',
    protocol: 'HTTP',
    port: 80,
    hostname: '',
    tls: undefined,
    router,
    streams: [],
    settings: defaultListenerSettings,
    ...fields,
  }
}

export function terminate(
  certificates: TlsPlan['certificates'],
  clientValidation?: TlsPlan['clientValidation'],
): TlsPlan {
  return { mode: 'Terminate', certificates, clientValidation, alpn: ['h2', 'http/1.1'] }
}

export const passthrough: TlsPlan = {
  mode: 'Passthrough',
  certificates: [],
  clientValidation: undefined,
  alpn: [],
}

export function socket(
  name: string,
  listeners: readonly ListenerPlan[],
  fields: Partial<SocketPlan> = {},
): SocketPlan {
  return {
    key: `tcp:127.0.0.1:0/${name}`,
    transport: 'tcp',
    address: '127.0.0.1',
    port: 0,
    listeners,
    ...fields,
  }
}

/** A cluster that does nothing but give addresses and connections of bytes. */
export function streamCluster(name: string, ports: readonly number[]): Cluster {
  const hosts = ports.map((port) => createHost({ address: '127.0.0.1', port }, 0))
  let turn = 0
  return {
    name,
    registered: true,
    hosts,
    active: 0,
    send: () => {
      throw new Error('a stream sends no requests')
    },
    connect(_hash, done) {
      const host = hosts[turn++ % hosts.length]
      if (host === undefined) {
        const reason = 'no host'
        done(undefined, { kind: 'no-host', reason, responded: false, processed: false })
        return
      }
      const upstream = connectTcp({ host: host.address, port: host.port, allowHalfOpen: true })
      upstream.once('connect', () => {
        upstream.removeAllListeners('error')
        done(upstream)
      })
      upstream.once('error', () =>
        done(undefined, { kind: 'connect', reason: 'refused', responded: false, processed: false }),
      )
    },
    stats: () => {
      throw new Error('not counted')
    },
  }
}

export function stream(
  backends: readonly (readonly [Cluster, number])[],
  hostnames: readonly string[] = [],
): StreamPlan {
  return {
    route: 'default/route',
    hostnames,
    backends: backends.map(([cluster, weight]) => ({ cluster, weight, credit: 0 })),
    totalWeight: backends.reduce((sum, [, weight]) => sum + weight, 0),
  }
}

export interface Stand extends AsyncDisposable {
  readonly set: ListenerSet
  /** What `accept` was told, in order. */
  readonly accepted: ConnectionFacts[]
  /** Applies and gives the port of each plan. */
  apply(...plans: readonly SocketPlan[]): Promise<number[]>
}

/**
 * A listener set in front of node:http, which answers with the listener that takes the request (`x-listener`), or 404
 * and 421 as the data plane would.
 */
export function openStand(
  options: Partial<ListenerSetOptions> & { readonly clock?: Clock } = {},
): Stand {
  const accepted: ConnectionFacts[] = []
  const factsOf = new WeakMap<Socket, ConnectionFacts>()
  const http: Server = createServer((request, response) => {
    const facts = factsOf.get(request.socket) as ConnectionFacts
    const host = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/u, '')
    const found = facts.listeners.resolve(host, facts.peer?.serverName ?? '')
    if (found === undefined) response.statusCode = 404
    else if (found === 'misdirected') response.statusCode = 421
    else response.setHeader('x-listener', found.name)
    response.end('done')
  })
  const set = new ListenerSet({
    clock: realClock,
    logger: silentLogger,
    accept(connection, facts) {
      accepted.push(facts)
      factsOf.set(connection, facts)
      http.emit('connection', connection)
      connection.resume()
    },
    ...options,
  })
  return {
    set,
    accepted,
    async apply(...plans) {
      const states = await set.apply(plans)
      return states.map(({ port }) => port)
    },
    async [Symbol.asyncDispose]() {
      await set.close()
      http.closeAllConnections()
    },
  }
}
