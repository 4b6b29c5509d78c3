export type { AdminObject, AdminObjects, ObjectWrite } from './admin-objects.ts'
export type { AdminOptions, AdminSlo } from './admin-options.ts'
export { type Admin, openAdmin } from './admin-server.ts'
export {
  type GatewayService,
  type GatewayServiceOptions,
  openGatewayService,
} from './gateway-service.ts'
export { KvObjects } from './kv-objects.ts'
export { metricFamilies } from './metric-families.ts'
export {
  type ApplyBatch,
  HeldObjects,
  type LayerChange,
  ObjectLayers,
} from './object-layers.ts'
export type { PlannedObject } from './object-paths.ts'
export { redactObject } from './redaction.ts'
export {
  explainDecision,
  type Decision,
  type ExplainRequest,
  type ExplainTarget,
} from '../explanation.ts'
export type { Condition, ObjectStatusReport } from '../configuration/condition.ts'
export type { Configuration } from '../configuration/configuration.ts'
export type { ObjectChange } from '../configuration/object-change.ts'
export {
  type ManifestObject,
  type ManifestProblem,
  readManifests,
} from '../manifest/manifest-reader.ts'
export {
  type GatewayRuntime,
  listedConfiguration,
  type ListenRule,
  type ListeningSocket,
  type RuntimeSnapshot,
} from '../runtime/index.ts'
export { type FileLoad, manifestFiles } from '../source/file-source.ts'
