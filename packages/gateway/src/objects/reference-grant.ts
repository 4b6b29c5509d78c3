import type { ObjectMeta } from '../router/index.ts'
import { groupShape, kindShape, nameShape, namespaceShape } from './reference-shapes.ts'
import { listShape, objectShape, type Shape } from './shape.ts'

/** ReferenceGrant: what other namespaces may refer to in the grant's own namespace. */
export interface ReferenceGrantObject {
  readonly apiVersion: string
  readonly kind: 'ReferenceGrant'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly from: readonly {
      readonly group: string
      readonly kind: string
      readonly namespace: string
    }[]
    readonly to: readonly {
      readonly group: string
      readonly kind: string
      readonly name?: string
    }[]
  }
}

export const referenceGrantShape: Shape = objectShape({
  'from!': listShape(
    objectShape({ 'group!': groupShape, 'kind!': kindShape, 'namespace!': namespaceShape }),
    16,
    1,
  ),
  'to!': listShape(
    objectShape({ 'group!': groupShape, 'kind!': kindShape, name: nameShape }),
    16,
    1,
  ),
})
