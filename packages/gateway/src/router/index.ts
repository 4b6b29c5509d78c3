export {
  type HttpBackendRef,
  type HttpHeader,
  type HttpHeaderFilter,
  type HttpPathMatch,
  type HttpPathModifier,
  type HttpRequestRedirectFilter,
  type HttpRoute,
  type HttpRouteFilter,
  type HttpRouteMatch,
  type HttpRouteRule,
  type HttpRouteSpec,
  type HttpRouteTimeouts,
  type HttpUrlRewriteFilter,
  type HttpValueMatch,
  type ObjectMeta,
  objectKey,
  type ParentReference,
} from './http-route.ts'
export { compilePattern, type Pattern } from './pattern.ts'
export { normalPath } from './path-form.ts'
export {
  type FailedPredicate,
  type RouteEntry,
  type RouterRequest,
  type RuleOptions,
  type ValuePredicate,
} from './route-entry.ts'
export { validateHttpRoute } from './route-validator.ts'
export { type Candidate, createRouter, type Explanation, type Router } from './router.ts'
export { type RedirectedRequest, redirectUrl, rewritePath } from './url-rewrite.ts'
