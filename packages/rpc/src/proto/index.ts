export { type ProtoErrorCode, protoErrors } from './errors.ts'
export { findMethod } from './find-method.ts'
export { loadProto, type LoadProtoOptions } from './load-proto.ts'
export type { ProtoProblem } from './source.ts'
