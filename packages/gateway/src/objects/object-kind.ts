import type { Problem } from '@tidemill/core'
import { type Fields, ObjectCheck } from '../object-check.ts'
import { checkBackendPolicy } from '../policy/backend-policy.ts'
import { checkGatewayPolicy } from '../policy/gateway-policy.ts'
import { validateRoutePolicy } from '../policy/route-policy.ts'
import { checkMetadata, validateHttpRoute } from '../router/route-validator.ts'
import { backendTlsPolicyShape } from './backend-tls-policy.ts'
import { checkEndpointSlice, checkSecret, checkService, checkTexts } from './core-objects.ts'
import { gatewayClassShape, gatewayShape, listenerSetShape } from './gateway.ts'
import { grpcRouteShape } from './grpc-route.ts'
import { gatewayGroup, ourGroup } from './reference.ts'
import { referenceGrantShape } from './reference-grant.ts'
import type { Shape } from './shape.ts'
import { plainRouteShape, tlsRouteShape } from './stream-route.ts'

/** A kind of object that the gateway reads. */
export interface ObjectKind {
  readonly kind: string
  readonly group: string
  /** Versions of the group that are read; all have the same form here. */
  readonly versions: readonly string[]
  readonly namespaced: boolean
  /** Everything that is wrong with an object of this kind, each with its JSON path. */
  validate(value: unknown): Problem[]
}

function kindOf(
  group: string,
  kind: string,
  versions: readonly string[],
  check: (check: ObjectCheck, object: Fields) => void,
  namespaced = true,
): ObjectKind {
  const apiVersions = versions.map((version) => (group === '' ? version : `${group}/${version}`))
  return {
    kind,
    group,
    versions,
    namespaced,
    validate(value) {
      const problems = new ObjectCheck()
      const object = problems.object('', value)
      if (object === undefined) return problems.problems
      problems.oneOf('/apiVersion', object['apiVersion'], apiVersions)
      problems.oneOf('/kind', object['kind'], [kind])
      checkMetadata(problems, object['metadata'])
      check(problems, object)
      return problems.problems
    },
  }
}

function shaped(
  group: string,
  kind: string,
  versions: readonly string[],
  shape: Shape,
  namespaced = true,
): ObjectKind {
  return kindOf(
    group,
    kind,
    versions,
    (check, object) => shape(check, '/spec', object['spec']),
    namespaced,
  )
}

function ours(kind: string, check: (check: ObjectCheck, spec: Fields) => void): ObjectKind {
  return kindOf(ourGroup, kind, ['v1'], (problems, object) => {
    const spec = problems.object('/spec', object['spec'])
    if (spec !== undefined) check(problems, spec)
  })
}

const nothing = (): void => {
  // Only its metadata is read.
}

/** Every kind that the gateway reads, by kind; no two groups share a kind here. */
export const objectKinds: ReadonlyMap<string, ObjectKind> = new Map(
  [
    shaped(gatewayGroup, 'GatewayClass', ['v1', 'v1beta1'], gatewayClassShape, false),
    shaped(gatewayGroup, 'Gateway', ['v1', 'v1beta1'], gatewayShape),
    shaped(gatewayGroup, 'ListenerSet', ['v1'], listenerSetShape),
    {
      kind: 'HTTPRoute',
      group: gatewayGroup,
      versions: ['v1', 'v1beta1'],
      namespaced: true,
      validate: validateHttpRoute,
    },
    shaped(gatewayGroup, 'GRPCRoute', ['v1', 'v1alpha2'], grpcRouteShape),
    shaped(gatewayGroup, 'TLSRoute', ['v1', 'v1alpha3', 'v1alpha2'], tlsRouteShape),
    shaped(gatewayGroup, 'TCPRoute', ['v1', 'v1alpha2'], plainRouteShape),
    shaped(gatewayGroup, 'UDPRoute', ['v1', 'v1alpha2'], plainRouteShape),
    shaped(gatewayGroup, 'ReferenceGrant', ['v1', 'v1beta1', 'v1alpha2'], referenceGrantShape),
    shaped(gatewayGroup, 'BackendTLSPolicy', ['v1', 'v1alpha3'], backendTlsPolicyShape),
    kindOf('', 'Secret', ['v1'], checkSecret),
    kindOf('', 'ConfigMap', ['v1'], (check, object) => checkTexts(check, '/data', object['data'])),
    kindOf('', 'Service', ['v1'], checkService),
    kindOf('', 'Namespace', ['v1'], nothing, false),
    kindOf('discovery.k8s.io', 'EndpointSlice', ['v1'], checkEndpointSlice),
    {
      kind: 'RoutePolicy',
      group: ourGroup,
      versions: ['v1'],
      namespaced: true,
      validate: validateRoutePolicy,
    },
    ours('BackendPolicy', checkBackendPolicy),
    ours('GatewayPolicy', checkGatewayPolicy),
  ].map((one) => [one.kind, one]),
)

/** Group and version of an `apiVersion`. */
export function splitApiVersion(apiVersion: string): readonly [group: string, version: string] {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
}

/** The kind of an object, when it is one that the gateway reads. */
export function objectKindOf(object: Fields): ObjectKind | undefined {
  const { apiVersion, kind } = object
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined
  const known = objectKinds.get(kind)
  return known?.group === splitApiVersion(apiVersion)[0] ? known : undefined
}
