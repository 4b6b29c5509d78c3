import { type Fields, isFields, type ObjectCheck } from '../object-check.ts'
import type { ObjectMeta } from '../router/index.ts'
import { type LabelSelector, labelSelectorShape } from './label-selector.ts'
import type { ObjectReference, RouteGroupKind, SecretReference } from './reference.ts'
import {
  groupShape,
  hostnameShape,
  kindShape,
  nameShape,
  objectRefShape,
  portShape,
  secretRefShape,
  sectionShape,
  localRefShape,
} from './reference-shapes.ts'
import {
  checkUnique,
  listShape,
  mapShape,
  objectShape,
  oneOfShape,
  type Shape,
  textShape,
} from './shape.ts'

/** Gateway of gateway.networking.k8s.io/v1 (apis/v1/gateway_types.go). */
export interface GatewayObject {
  readonly apiVersion: string
  readonly kind: 'Gateway'
  readonly metadata: ObjectMeta
  readonly spec: GatewaySpec
}

export interface GatewaySpec {
  readonly gatewayClassName: string
  readonly listeners: readonly GatewayListener[]
  readonly addresses?: readonly { readonly type?: string; readonly value?: string }[]
  readonly infrastructure?: {
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly parametersRef?: {
      readonly group: string
      readonly kind: string
      readonly name: string
    }
  }
  /** Which ListenerSets may add listeners; default none. */
  readonly allowedListeners?: { readonly namespaces?: NamespaceRule }
  readonly tls?: GatewayTls
  readonly defaultScope?: 'All' | 'None'
}

export interface GatewayTls {
  /** How the gateway identifies itself to backends. */
  readonly backend?: { readonly clientCertificateRef?: SecretReference }
  /** How clients identify themselves. */
  readonly frontend?: {
    readonly default: { readonly validation?: FrontendValidation }
    readonly perPort?: readonly {
      readonly port: number
      readonly tls: { readonly validation?: FrontendValidation }
    }[]
  }
}

export interface FrontendValidation {
  readonly caCertificateRefs: readonly ObjectReference[]
  /** Default AllowValidOnly. */
  readonly mode?: 'AllowValidOnly' | 'AllowInsecureFallback'
}

export interface NamespaceRule {
  readonly from?: 'All' | 'Selector' | 'Same' | 'None'
  readonly selector?: LabelSelector
}

export interface GatewayListener {
  readonly name: string
  readonly hostname?: string
  readonly port: number
  /** Others than the five are refused by condition, as the standard wants. */
  readonly protocol: string
  readonly tls?: {
    /** Default Terminate. */
    readonly mode?: 'Terminate' | 'Passthrough'
    readonly certificateRefs?: readonly SecretReference[]
    readonly options?: Readonly<Record<string, string>>
  }
  readonly allowedRoutes?: {
    readonly namespaces?: NamespaceRule
    readonly kinds?: readonly RouteGroupKind[]
  }
}

/** ListenerSet of gateway.networking.k8s.io/v1: more listeners for a Gateway. */
export interface ListenerSetObject {
  readonly apiVersion: string
  readonly kind: 'ListenerSet'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly parentRef: {
      readonly group?: string
      readonly kind?: string
      readonly namespace?: string
      readonly name: string
    }
    readonly listeners: readonly GatewayListener[]
  }
}

const dns = String.raw`[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*`
const protocolForm = new RegExp(
  String.raw`^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$|^${dns}/[A-Za-z0-9]+$`,
  'u',
)
const qualified = new RegExp(
  String.raw`^(?:${dns}/)?(?:[A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$`,
  'u',
)
const labelValue: Shape = (check, path, value) => {
  const form = /^(?:(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/u
  if (typeof value !== 'string' || value.length > 63 || !form.test(value)) {
    check.wrong(path, value, 'a label value of at most 63 characters')
  }
}
const annotationValue: Shape = (check, path, value) => {
  if (typeof value !== 'string' || value.length > 4096) {
    check.wrong(path, value, 'a text of at most 4096 characters')
  }
}

function namespacesShape(...from: readonly string[]): Shape {
  return objectShape(
    { from: oneOfShape(...from), selector: labelSelectorShape },
    (check, path, fields) => {
      if (fields['from'] === 'Selector' && !isFields(fields['selector'])) {
        check.wrong(`${path}/selector`, fields['selector'], 'there when from is Selector')
      }
    },
  )
}

const listenerShape = objectShape(
  {
    'name!': sectionShape,
    hostname: hostnameShape,
    'port!': portShape,
    'protocol!': textShape(255, protocolForm, 'a protocol'),
    tls: objectShape({
      mode: oneOfShape('Terminate', 'Passthrough'),
      certificateRefs: listShape(secretRefShape, 64),
      options: mapShape(annotationValue, 16, qualified),
    }),
    allowedRoutes: objectShape({
      namespaces: namespacesShape('All', 'Selector', 'Same'),
      kinds: listShape(objectShape({ group: groupShape, 'kind!': kindShape }), 8),
    }),
  },
  checkListener,
)

/** The CEL rules of one listener (gateway_types.go, GatewaySpec.Listeners and ListenerTLSConfig). */
function checkListener(check: ObjectCheck, path: string, listener: Fields): void {
  const { protocol } = listener
  const tls = isFields(listener['tls']) ? listener['tls'] : undefined
  if (tls !== undefined && (protocol === 'HTTP' || protocol === 'TCP' || protocol === 'UDP')) {
    check.wrong(`${path}/tls`, tls, `absent for protocol ${protocol}`)
  }
  if (protocol === 'HTTPS' && (tls?.['mode'] ?? 'Terminate') !== 'Terminate') {
    check.wrong(`${path}/tls/mode`, tls?.['mode'], 'Terminate for protocol HTTPS')
  }
  if (protocol === 'TLS' && tls?.['mode'] === undefined) {
    check.wrong(`${path}/tls/mode`, undefined, 'there for protocol TLS')
  }
  if ((protocol === 'TCP' || protocol === 'UDP') && (listener['hostname'] ?? '') !== '') {
    check.wrong(`${path}/hostname`, listener['hostname'], `absent for protocol ${protocol}`)
  }
  const terminates = tls !== undefined && (tls['mode'] ?? 'Terminate') === 'Terminate'
  const refs = Array.isArray(tls?.['certificateRefs']) ? tls['certificateRefs'].length : 0
  const options = isFields(tls?.['options']) ? Object.keys(tls['options']).length : 0
  if (terminates && refs === 0 && options === 0) {
    check.wrong(
      `${path}/tls/certificateRefs`,
      tls['certificateRefs'],
      'at least one certificate when mode is Terminate',
    )
  }
}

/** Listeners of a Gateway or a ListenerSet. */
const listenersShape: Shape = (check, path, value) => {
  listShape(listenerShape, 64, 1)(check, path, value)
  checkUnique(
    check,
    path,
    value,
    (one) => JSON.stringify(one['name']),
    'a listener whose name no other has',
  )
  checkUnique(
    check,
    path,
    value,
    (one) => JSON.stringify([one['port'], one['protocol'], one['hostname'] ?? '']),
    'another port, protocol or hostname than the other listeners',
  )
}

const validationShape = objectShape({
  'caCertificateRefs!': listShape(objectRefShape, 16, 1),
  mode: oneOfShape('AllowValidOnly', 'AllowInsecureFallback'),
})

const tlsShape = objectShape({
  backend: objectShape({ clientCertificateRef: secretRefShape }),
  frontend: objectShape(
    {
      'default!': objectShape({ validation: validationShape }),
      perPort: listShape(
        objectShape({ 'port!': portShape, 'tls!': objectShape({ validation: validationShape }) }),
        64,
      ),
    },
    (check, path, fields) =>
      checkUnique(
        check,
        `${path}/perPort`,
        fields['perPort'],
        (item) => String(item['port']),
        'a port that no other item has',
      ),
  ),
})

const addressType = new RegExp(
  String.raw`^(?:Hostname|IPAddress|NamedAddress|${dns}/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+)$`,
  'u',
)
const addressValue: Shape = (check, path, value) => {
  if (typeof value !== 'string' || value.length > 253) {
    check.wrong(path, value, 'a text of at most 253 characters')
  }
}

const specShape = objectShape(
  {
    'gatewayClassName!': nameShape,
    'listeners!': listenersShape,
    addresses: listShape(
      objectShape({ type: textShape(253, addressType, 'an address type'), value: addressValue }),
      16,
    ),
    infrastructure: objectShape({
      labels: mapShape(labelValue, 8, qualified),
      annotations: mapShape(annotationValue, 16, qualified),
      parametersRef: localRefShape,
    }),
    allowedListeners: objectShape({
      namespaces: namespacesShape('All', 'Selector', 'Same', 'None'),
    }),
    tls: tlsShape,
    defaultScope: oneOfShape('All', 'None'),
  },
  (check, path, fields) =>
    checkUnique(
      check,
      `${path}/addresses`,
      fields['addresses'],
      (item) => {
        const type = item['type'] ?? 'IPAddress'
        const counts = type === 'IPAddress' || type === 'Hostname'
        return counts && typeof item['value'] === 'string' ? `${type} ${item['value']}` : undefined
      },
      'an address that no other equals',
    ),
)

export const gatewayShape: Shape = specShape

export const listenerSetShape: Shape = objectShape({
  'parentRef!': objectShape({
    group: groupShape,
    kind: kindShape,
    namespace: textShape(63),
    'name!': nameShape,
  }),
  'listeners!': listenersShape,
})

/** GatewayClass of gateway.networking.k8s.io/v1. */
export interface GatewayClassObject {
  readonly apiVersion: string
  readonly kind: 'GatewayClass'
  readonly metadata: ObjectMeta
  readonly spec: { readonly controllerName: string; readonly description?: string }
}

const controllerForm = new RegExp(String.raw`^${dns}/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$`, 'u')

export const gatewayClassShape: Shape = objectShape({
  'controllerName!': textShape(253, controllerForm, 'a name such as example.com/controller'),
  description: textShape(64),
  parametersRef: objectRefShape,
})
