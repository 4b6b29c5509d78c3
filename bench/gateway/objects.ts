/** Objects of the Gateway API that the benches configure the gateway with. */

interface Change {
  readonly kind: string
  readonly key: string
  readonly text: string
  readonly revision: number
}

function change(
  kind: string,
  name: string,
  apiVersion: string,
  spec: unknown,
  revision: number,
): Change {
  const metadata = { name, namespace: 'default' }
  const text = JSON.stringify({ apiVersion, kind, metadata, spec })
  return { kind, key: `default/${name}`, text, revision }
}

/** An HTTPRoute for the paths below `prefix`. */
export function httpRoute(name: string, prefix: string, revision = 1): Change {
  const matches = [{ path: { type: 'PathPrefix', value: prefix } }]
  const rules = [{ matches, backendRefs: [{ name: 'web', port: 80 }] }]
  return change('HTTPRoute', name, 'gateway.networking.k8s.io/v1', { rules }, revision)
}

/** A GRPCRoute that takes every call. */
export function grpcRoute(name: string, revision = 1): Change {
  const rules = [{ backendRefs: [{ name: 'web', port: 80 }] }]
  return change('GRPCRoute', name, 'gateway.networking.k8s.io/v1', { rules }, revision)
}

/** What {@link httpRoute} and {@link grpcRoute} of the same name are given besides. */
export function routePolicy(
  name: string,
  kind: 'HTTPRoute' | 'GRPCRoute',
  fields: Readonly<Record<string, unknown>>,
  revision = 1,
): Change {
  const targetRefs = [{ group: 'gateway.networking.k8s.io', kind, name }]
  return change('RoutePolicy', name, 'gateway.tidemill.dev/v1', { targetRefs, ...fields }, revision)
}

const responseHeaders = { standard: false }

/** Breaker, and a limit by client address that never refuses. */
export const everyPolicy = {
  breaker: { window: 10, ratio: 0.6 },
  limits: [
    {
      name: 'clients',
      rate: { requests: 1_000_000, per: '1s' },
      key: [{ type: 'clientAddress' }],
      responseHeaders,
    },
  ],
} as const

export const noPolicy = { breaker: { mode: 'disabled' } } as const

/** One bucket for all workers of the node. */
export function nodeLimit(
  requestsPerSecond: number,
  burst: number,
): Readonly<Record<string, unknown>> {
  const rate = { requests: requestsPerSecond, per: '1s', burst }
  return {
    breaker: { mode: 'disabled' },
    limits: [{ name: 'node', rate, scope: 'node', responseHeaders }],
  }
}
