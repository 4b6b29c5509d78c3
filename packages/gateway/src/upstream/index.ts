export { type BackendTls, type BackendTlsSpec } from './backend-tls.ts'
export { type Cluster, type ClusterStats } from './cluster.ts'
export { ClusterRegistry, type ClusterRegistryOptions } from './cluster-registry.ts'
export {
  type ClusterConfig,
  clusterConfig,
  type ClusterProtocol,
  type ClusterSpec,
  readClusterSpec,
} from './cluster-spec.ts'
export { type ResolveName } from './name-resolver.ts'
export { type ClusterEvent, RunningCluster } from './running-cluster.ts'
export {
  type RetryPlan,
  type UpstreamCall,
  type UpstreamFailure,
  type UpstreamHandler,
  type UpstreamRequest,
} from './upstream-call.ts'
