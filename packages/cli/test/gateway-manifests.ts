/** A Gateway with a route of two rules. */
export const edge = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: edge
spec:
  gatewayClassName: tidemill
  listeners:
    - { name: http, protocol: HTTP, port: 8080 }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: web
spec:
  parentRefs: [{ name: edge }]
  rules:
    - name: prod
      matches:
        - path: { type: PathPrefix, value: /api }
          headers: [{ name: x-env, value: prod }]
      backendRefs: [{ name: api, port: 80 }]
    - name: pages
      backendRefs: [{ name: web, port: 80 }]
`

export const extra = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: extra
spec:
  parentRefs: [{ name: edge }]
  hostnames: [extra.example]
  rules:
    - backendRefs: [{ name: web, port: 80 }]
`
