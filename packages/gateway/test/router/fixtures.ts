import type { HttpRoute, HttpRouteRule, RouterRequest } from '@tidemill/gateway/router'

export function route(
  name: string,
  rules: readonly HttpRouteRule[] | undefined,
  more: {
    readonly hostnames?: readonly string[]
    readonly created?: string
    readonly namespace?: string
  } = {},
): HttpRoute {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: {
      name,
      namespace: more.namespace ?? 'test',
      ...(more.created === undefined ? {} : { creationTimestamp: more.created }),
    },
    spec: {
      ...(more.hostnames === undefined ? {} : { hostnames: more.hostnames }),
      ...(rules === undefined ? {} : { rules }),
    },
  }
}

/** A request for `path?query`; headers as name, value, name, value. */
export function request(
  target: string,
  more: {
    readonly method?: string
    readonly host?: string
    readonly headers?: readonly string[]
  } = {},
): RouterRequest {
  const [path = '', query = ''] = target.split('?')
  return {
    method: more.method ?? 'GET',
    host: more.host ?? 'example.com',
    path,
    query,
    headers: more.headers ?? [],
  }
}

export function rule(
  match: NonNullable<HttpRouteRule['matches']>[number],
  backend = 'v1',
): HttpRouteRule {
  return { matches: [match], backendRefs: [{ name: backend, port: 80 }] }
}
