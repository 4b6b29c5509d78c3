import { X509Certificate } from 'node:crypto'
import { type Fields, isFields, type ObjectCheck } from '../object-check.ts'
import type { ObjectMeta } from '../router/index.ts'
import { pointer } from './shape.ts'

/** Objects of Kubernetes' own groups, in the fields that the gateway reads; other fields are let through. */
export interface SecretObject {
  readonly apiVersion: 'v1'
  readonly kind: 'Secret'
  readonly metadata: ObjectMeta
  /** Default Opaque. */
  readonly type?: string
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>
  /** Plain; wins over `data`. */
  readonly stringData?: Readonly<Record<string, string>>
}

export interface ConfigMapObject {
  readonly apiVersion: 'v1'
  readonly kind: 'ConfigMap'
  readonly metadata: ObjectMeta
  readonly data?: Readonly<Record<string, string>>
}

export interface NamespaceObject {
  readonly apiVersion: 'v1'
  readonly kind: 'Namespace'
  readonly metadata: ObjectMeta
}

export interface ServicePort {
  /** Empty in a Service with one port. */
  readonly name?: string
  /** Default TCP. */
  readonly protocol?: string
  /** `kubernetes.io/h2c`, `kubernetes.io/ws`, `kubernetes.io/wss`, `https`. */
  readonly appProtocol?: string
  readonly port: number
  readonly targetPort?: number | string
}

export interface ServiceObject {
  readonly apiVersion: 'v1'
  readonly kind: 'Service'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly type?: string
    readonly clusterIP?: string
    readonly externalName?: string
    readonly ports?: readonly ServicePort[]
  }
}

export interface EndpointSliceObject {
  readonly apiVersion: string
  readonly kind: 'EndpointSlice'
  readonly metadata: ObjectMeta
  readonly addressType?: string
  readonly endpoints?: readonly {
    readonly addresses: readonly string[]
    readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean }
  }[]
  readonly ports?: readonly {
    readonly name?: string
    readonly port?: number
    readonly protocol?: string
  }[]
}

/** Name of the label by which a slice says whose endpoints it holds (discovery.k8s.io/v1). */
export const serviceNameLabel = 'kubernetes.io/service-name'

export function checkTexts(check: ObjectCheck, path: string, value: unknown): void {
  if (value === undefined || value === null) return
  const fields = check.object(path, value)
  if (fields === undefined) return
  for (const [name, text] of Object.entries(fields)) {
    if (typeof text !== 'string') check.wrong(`${path}/${pointer(name)}`, typeof text, 'a text')
  }
}

const base64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/u

export function checkSecret(check: ObjectCheck, secret: Fields): void {
  const data = isFields(secret['data']) ? secret['data'] : {}
  if (secret['data'] !== undefined && secret['data'] !== null) check.object('/data', secret['data'])
  for (const [name, text] of Object.entries(data)) {
    // The value itself is never shown: it is a secret.
    if (typeof text !== 'string' || !base64.test(text)) {
      check.problems.push({ path: `/data/${pointer(name)}`, message: 'must be base64' })
    }
  }
  checkTexts(check, '/stringData', secret['stringData'])
}

export function checkService(check: ObjectCheck, service: Fields): void {
  const spec = check.object('/spec', service['spec'])
  if (spec === undefined) return
  check.list('/spec/ports', spec['ports'] ?? undefined, 1000, (path, item) => {
    const port = check.object(path, item)
    if (port === undefined) return
    if (port['port'] === undefined) check.wrong(`${path}/port`, undefined, 'there')
    check.integer(`${path}/port`, port['port'], 1, 65_535)
    for (const name of ['name', 'appProtocol', 'protocol']) {
      const text = port[name]
      if (text !== undefined && text !== null && typeof text !== 'string') {
        check.wrong(`${path}/${name}`, text, 'a text')
      }
    }
  })
}

export function checkEndpointSlice(check: ObjectCheck, slice: Fields): void {
  check.list('/endpoints', slice['endpoints'] ?? undefined, 1000, (path, item) => {
    const endpoint = check.object(path, item)
    if (endpoint === undefined) return
    check.list(`${path}/addresses`, endpoint['addresses'], 100, (at, address) =>
      check.text(at, address, 253),
    )
  })
  check.list('/ports', slice['ports'] ?? undefined, 100, (path, item) => {
    const port = check.object(path, item)
    if (port !== undefined) check.integer(`${path}/port`, port['port'] ?? undefined, 1, 65_535)
  })
}

/** One value of a Secret, decoded; undefined when it has none of that name. */
export function secretValue(secret: SecretObject, name: string): string | undefined {
  const plain = secret.stringData?.[name]
  if (plain !== undefined) return plain
  const encoded = secret.data?.[name]
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8')
}

/** The certificates of a PEM text; undefined when it holds none, or one that cannot be read. */
export function readCertificates(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/gu)
  if (blocks === null) return undefined
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return undefined
  }
}
