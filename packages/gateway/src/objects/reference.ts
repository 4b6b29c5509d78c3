/** References of Gateway API (apis/v1/object_reference_types.go). */
export interface ObjectReference {
  readonly group: string
  readonly kind: string
  readonly name: string
  /** Default: that of the object which holds the reference. */
  readonly namespace?: string
}

export interface SecretReference {
  /** Default empty, the core group. */
  readonly group?: string
  /** Default Secret. */
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
}

export interface RouteGroupKind {
  /** Default gateway.networking.k8s.io. */
  readonly group?: string
  readonly kind: string
}

export const gatewayGroup = 'gateway.networking.k8s.io'
export const ourGroup = 'gateway.tidemill.dev'
