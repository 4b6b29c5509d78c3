import type { BackendPolicyObject } from '../policy/backend-policy.ts'
import type { GatewayPolicyObject } from '../policy/gateway-policy.ts'
import type { RoutePolicy } from '../policy/route-policy.ts'
import type { HttpRoute } from '../router/http-route.ts'
import type { BackendTlsPolicyObject } from './backend-tls-policy.ts'
import type {
  ConfigMapObject,
  EndpointSliceObject,
  NamespaceObject,
  SecretObject,
  ServiceObject,
} from './core-objects.ts'
import type { GatewayClassObject, GatewayObject, ListenerSetObject } from './gateway.ts'
import type { GrpcRoute } from './grpc-route.ts'
import type { ReferenceGrantObject } from './reference-grant.ts'
import type { StreamRoute } from './stream-route.ts'

/** What an object of each kind is, once it was found valid. */
export interface ObjectTypes {
  readonly GatewayClass: GatewayClassObject
  readonly Gateway: GatewayObject
  readonly ListenerSet: ListenerSetObject
  readonly HTTPRoute: HttpRoute
  readonly GRPCRoute: GrpcRoute
  readonly TLSRoute: StreamRoute
  readonly TCPRoute: StreamRoute
  readonly UDPRoute: StreamRoute
  readonly ReferenceGrant: ReferenceGrantObject
  readonly BackendTLSPolicy: BackendTlsPolicyObject
  readonly Secret: SecretObject
  readonly ConfigMap: ConfigMapObject
  readonly Service: ServiceObject
  readonly Namespace: NamespaceObject
  readonly EndpointSlice: EndpointSliceObject
  readonly RoutePolicy: RoutePolicy
  readonly BackendPolicy: BackendPolicyObject
  readonly GatewayPolicy: GatewayPolicyObject
}
