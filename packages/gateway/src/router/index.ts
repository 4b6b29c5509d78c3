export {
  type CorsPlan,
  compileCors,
  corsAllows,
  corsAnswer,
  corsPreflight,
} from './cors.ts'
export {
  type BackendRef,
  type HttpBackendRef,
  type HttpCorsFilter,
  type HttpHeader,
  type HttpHeaderFilter,
  type HttpPathMatch,
  type HttpPathModifier,
  type HttpRequestMirrorFilter,
  type HttpRequestRedirectFilter,
  type HttpRoute,
  type HttpRouteFilter,
  type HttpRouteMatch,
  type HttpRouteRetry,
  type HttpRouteRule,
  type HttpRouteSpec,
  type HttpRouteTimeouts,
  type HttpUrlRewriteFilter,
  type HttpValueMatch,
  type ObjectMeta,
  objectKey,
  type ParentReference,
  type SessionPersistence,
} from './http-route.ts'
export { compilePattern, type Pattern } from './pattern.ts'
export { normalPath } from './path-form.ts'
export {
  compileEntries,
  effectiveRules,
  type FailedPredicate,
  type RoutedObject,
  type RouteEntry,
  type RouterRequest,
  type RuleOptions,
  type ValuePredicate,
} from './route-entry.ts'
export { validateHttpRoute } from './route-validator.ts'
export { type Candidate, createRouter, type Explanation, type Router } from './router.ts'
export { type RedirectedRequest, redirectUrl, rewritePath } from './url-rewrite.ts'
