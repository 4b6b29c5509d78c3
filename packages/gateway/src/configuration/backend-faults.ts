import type { StreamRoute } from '../objects/stream-route.ts'
import type { Backends } from './backends.ts'
import type { ObjectStore } from './object-store.ts'
import { coreGroup } from './reference-grants.ts'
import { backendRefsOf, permits, type RoutedHttp } from './route-compiler.ts'
import { serviceOf } from './rule-compiler.ts'

/** Why a reference of a route to a backend does not resolve, with the reason of the standard. */
export interface BackendFault {
  readonly path: string
  readonly reason: 'InvalidKind' | 'RefNotPermitted' | 'BackendNotFound' | 'UnsupportedProtocol'
  readonly message: string
}

const servedProtocols: ReadonlySet<string> = new Set([
  'kubernetes.io/h2c',
  'kubernetes.io/ws',
  'kubernetes.io/wss',
])

/** Everything that is wrong with the backends of a route as things stand. */
export function backendFaults(
  route: RoutedHttp | StreamRoute,
  store: ObjectStore,
  backends: Backends,
): BackendFault[] {
  const namespace = route.metadata.namespace ?? 'default'
  const faults: BackendFault[] = []
  for (const { path, ref } of backendRefsOf(route)) {
    const kind = ref.kind ?? 'Service'
    if (coreGroup(ref.group) !== '' || kind !== 'Service') {
      const message = `a backend of kind ${ref.group ?? ''}/${kind} is not served`
      faults.push({ path, reason: 'InvalidKind', message })
      continue
    }
    const service = serviceOf(ref, namespace)
    if (!permits(store, route.kind, namespace, service)) {
      const message = `no ReferenceGrant lets it use the Service ${service}`
      faults.push({ path, reason: 'RefNotPermitted', message })
      continue
    }
    if (!backends.knows(service, ref.port)) {
      const where = ref.port === undefined ? service : `${service}:${ref.port}`
      const message = `the backend ${where} is not registered; requests are answered 500`
      faults.push({ path, reason: 'BackendNotFound', message })
      continue
    }
    const port = backends.portOf(service, ref.port)
    if (port === undefined) continue
    const { appProtocol = '', protocol = 'TCP' } = port
    const wanted = route.kind === 'UDPRoute' ? 'UDP' : 'TCP'
    if (protocol !== wanted) {
      const message = `port ${port.port} of the Service ${service} speaks ${protocol}`
      faults.push({ path, reason: 'UnsupportedProtocol', message })
    } else if (appProtocol.startsWith('kubernetes.io/') && !servedProtocols.has(appProtocol)) {
      const message = `the protocol ${appProtocol} of the Service ${service} is not served`
      faults.push({ path, reason: 'UnsupportedProtocol', message })
    }
  }
  return faults
}
