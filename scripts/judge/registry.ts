import { grpcInterop } from './grpc-interop.ts'
import { h2spec } from './h2spec.ts'
import type { Suite } from './suite.ts'

/** Suites that can be run today. */
export const suites: readonly Suite[] = [h2spec, grpcInterop]

export interface AwaitedSuite {
  readonly name: string
  /** The system that the suite judges and that does not exist yet, or not far enough. */
  readonly system: string
  readonly source: string
}

/** Suites that join {@link suites} together with the system that they judge. */
export const awaited: readonly AwaitedSuite[] = [
  {
    name: 'gateway-api',
    system: 'kube (the gateway under a Kubernetes controller)',
    source: 'sigs.k8s.io/gateway-api/conformance v1.6.3',
  },
  { name: 'kube-apiserver', system: 'etcd', source: 'k8s.io/kubernetes v1.37.2' },
  {
    name: 'remote-write',
    system: 'remote-write',
    source: 'github.com/prometheus/compliance/remotewrite',
  },
  { name: 'cel', system: 'risk', source: '@bufbuild/cel-spec' },
]
