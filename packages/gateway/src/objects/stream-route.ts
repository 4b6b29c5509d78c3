import type { BackendRef, ObjectMeta, ParentReference } from '../router/index.ts'
import {
  backendRefShape,
  hostnameShape,
  parentRefsShape,
  sectionShape,
} from './reference-shapes.ts'
import { listShape, objectShape, oneOfShape, type Shape } from './shape.ts'

/** TLSRoute, TCPRoute and UDPRoute: where connections or datagrams go. */
export interface StreamRoute {
  readonly apiVersion: string
  readonly kind: 'TLSRoute' | 'TCPRoute' | 'UDPRoute'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly parentRefs?: readonly ParentReference[]
    /** Of a TLSRoute. */
    readonly hostnames?: readonly string[]
    readonly rules: readonly {
      readonly name?: string
      readonly backendRefs: readonly BackendRef[]
    }[]
  }
}

const rulesShape = listShape(
  objectShape({ name: sectionShape, 'backendRefs!': listShape(backendRefShape, 16, 1) }),
  1,
  1,
)
const scopeShape = oneOfShape('All', 'None')

export const tlsRouteShape: Shape = objectShape({
  parentRefs: parentRefsShape,
  // Before 1.3 the list could be left out.
  hostnames: listShape(hostnameShape, 1024),
  'rules!': rulesShape,
  useDefaultGateways: scopeShape,
})

/** TCPRoute and UDPRoute. */
export const plainRouteShape: Shape = objectShape({
  parentRefs: parentRefsShape,
  'rules!': rulesShape,
  useDefaultGateways: scopeShape,
})
