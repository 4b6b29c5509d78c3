export {
  type ManifestObject,
  type ManifestProblem,
  type Manifests,
  readManifests,
} from './manifest-reader.ts'
export { diffObjects, type FieldChange, type NamedObject, type ObjectDiff } from './object-diff.ts'
