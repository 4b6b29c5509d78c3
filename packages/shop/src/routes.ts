/** A Kubernetes-style object as it stands in a manifest. */
export interface RouteObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: Readonly<Record<string, unknown>>
}

function route(name: string, service: string, paths: readonly string[], port: number): RouteObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'shop' },
    spec: {
      parentRefs: [{ name: 'tidemill' }],
      rules: [
        {
          matches: paths.map((value) => ({ path: { type: 'PathPrefix', value } })),
          backendRefs: [{ name: service, port }],
          timeouts: { request: '10s' },
        },
      ],
    },
  }
}

/** The shop's HTTPRoutes (Gateway API v1), namespace `shop`; backends are its services `order` and `catalogue`. */
export const shopRoutes: readonly RouteObject[] = [
  route('orders', 'order', ['/orders', '/customers', '/reports', '/openapi.json'], 80),
  route('catalogue', 'catalogue', ['/catalogue'], 80),
]
