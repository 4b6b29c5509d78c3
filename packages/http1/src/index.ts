export { isAuthority } from './authority.ts'
export { BodyWriter } from './body-writer.ts'
export { type Http1ErrorCode, http1Errors } from './errors.ts'
export { isForbiddenTrailer } from './field-rules.ts'
export { endToEnd, isHopByHop } from './hop-by-hop.ts'
export { type LimitOptions } from './limits.ts'
export { type HeaderList } from './message-parser.ts'
export {
  type RequestHandler,
  type RequestHead,
  RequestParser,
  type RequestParserOptions,
  RequestRules,
} from './request-parser.ts'
export { type RequestWriteOptions, RequestWriter } from './request-writer.ts'
export {
  type ResponseHandler,
  type ResponseHead,
  ResponseParser,
  type ResponseParserOptions,
  ResponseRules,
} from './response-parser.ts'
export { ResponseWriter } from './response-writer.ts'
export {
  isTargetProblem,
  normalizeTarget,
  type NormalTarget,
  type TargetOptions,
  type TargetProblem,
} from './target.ts'
export {
  type RequestReason,
  requestReasons,
  type ResponseReason,
  responseReasons,
  type Verdict,
} from './verdict.ts'
