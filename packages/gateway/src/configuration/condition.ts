/** metav1.Condition, without `lastTransitionTime`: whoever writes it to a store knows when it changed. */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly observedGeneration: number
}

export interface ListenerStatus {
  readonly name: string
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[]
  readonly attachedRoutes: number
  readonly conditions: readonly Condition[]
}

/** What a route is to one of its parents, or a policy to one of its ancestors. */
export interface ParentStatus {
  /** The reference as the object writes it. */
  readonly ref: ParentRefStatus
  readonly controllerName: string
  readonly conditions: readonly Condition[]
}

export interface ParentRefStatus {
  readonly group: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly sectionName?: string
  readonly port?: number
}

/** The status that Kubernetes would show for one object. */
export interface ObjectStatusReport {
  readonly kind: string
  /** `namespace/name`. */
  readonly key: string
  readonly state: 'active' | 'last-good' | 'invalid'
  readonly revision: number
  readonly origin: string | undefined
  readonly problems: readonly { readonly path: string; readonly message: string }[]
  readonly warnings: readonly { readonly path: string; readonly message: string }[]
  /** Of a Gateway, GatewayClass or ListenerSet. */
  readonly conditions: readonly Condition[]
  /** Of a Gateway or ListenerSet. */
  readonly listeners: readonly ListenerStatus[]
  /** Of a Gateway: where it is bound, when that is known. */
  readonly addresses: readonly string[]
  /** Of a route: `status.parents`; of a policy: `status.ancestors`. */
  readonly parents: readonly ParentStatus[]
}

/** A condition as it stands in a status. */
export function condition(
  type: string,
  holds: boolean,
  reason: string,
  message: string,
  observedGeneration: number,
): Condition {
  return { type, status: holds ? 'True' : 'False', reason, message, observedGeneration }
}
