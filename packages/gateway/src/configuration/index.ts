export type {
  BackendTlsPlan,
  ClusterDirectory,
  ClusterSettings,
} from './cluster-directory.ts'
export type { Condition, ListenerStatus, ObjectStatusReport, ParentStatus } from './condition.ts'
export { Configuration } from './configuration.ts'
export type { ConfigurationOptions, SocketAddress } from './configuration-options.ts'
export type { ObjectChange, ObjectState, ObjectStatus } from './object-change.ts'
