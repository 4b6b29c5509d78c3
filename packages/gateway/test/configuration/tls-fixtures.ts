import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'

export const authority: ReturnType<typeof createTestAuthority> = createTestAuthority()

/** A Secret with a certificate for those names. */
export function secret(name: string, names: readonly string[], namespace = 'infra'): string {
  const { cert, key } = authority.issue({ names: [...names] })
  return keyPair(name, cert, key, namespace)
}

export function keyPair(name: string, cert: string, key: string, namespace = 'infra'): string {
  return `
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
type: kubernetes.io/tls
data:
  tls.crt: ${Buffer.from(cert).toString('base64')}
  tls.key: ${Buffer.from(key).toString('base64')}
---
`
}

/** A ConfigMap with an authority. */
export function configMap(name: string, ca: string = authority.ca, namespace = 'infra'): string {
  return `${JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
    data: { 'ca.crt': ca },
  })}\n---\n`
}

/** Lets Gateways, routes or others of `from` use `to` in `namespace`. */
export function grant(name: string, namespace: string, from: string, to: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  from: [${from}]
  to: [${to}]
---
`
}
