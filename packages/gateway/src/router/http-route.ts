/**
 * The HTTPRoute object of Gateway API v1 (gateway.networking.k8s.io/v1, apis/v1/httproute_types.go) in
 * the fields that the gateway reads. Objects are kept and returned as they came, other fields included.
 */
export interface HttpRoute {
  readonly apiVersion: string
  readonly kind: 'HTTPRoute'
  readonly metadata: ObjectMeta
  readonly spec: HttpRouteSpec
  readonly status?: unknown
}

export interface ObjectMeta {
  readonly name: string
  /** Default `default`. */
  readonly namespace?: string
  /** RFC 3339; the older of two equal matches wins, so it is written once. */
  readonly creationTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Counted by Kubernetes on each change of the spec; conditions name it. */
  readonly generation?: number
}

export interface HttpRouteSpec {
  readonly parentRefs?: readonly ParentReference[]
  readonly hostnames?: readonly string[]
  readonly rules?: readonly HttpRouteRule[]
}

export interface ParentReference {
  readonly group?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name: string
  readonly sectionName?: string
  readonly port?: number
}

export interface HttpRouteRule {
  readonly name?: string
  readonly matches?: readonly HttpRouteMatch[]
  readonly filters?: readonly HttpRouteFilter[]
  readonly backendRefs?: readonly HttpBackendRef[]
  readonly timeouts?: HttpRouteTimeouts
  readonly retry?: HttpRouteRetry
  readonly sessionPersistence?: SessionPersistence
}

export interface HttpRouteMatch {
  readonly path?: HttpPathMatch
  readonly method?: string
  readonly headers?: readonly HttpValueMatch[]
  readonly queryParams?: readonly HttpValueMatch[]
}

export interface HttpPathMatch {
  /** Default PathPrefix. A regular expression must match the whole path. */
  readonly type?: 'Exact' | 'PathPrefix' | 'RegularExpression'
  /** Default `/`. */
  readonly value?: string
}

export interface HttpValueMatch {
  /** Default Exact. A regular expression must match the whole value. */
  readonly type?: 'Exact' | 'RegularExpression'
  readonly name: string
  readonly value: string
}

export interface HttpHeader {
  readonly name: string
  readonly value: string
}

export interface HttpHeaderFilter {
  readonly set?: readonly HttpHeader[]
  readonly add?: readonly HttpHeader[]
  readonly remove?: readonly string[]
}

export interface HttpPathModifier {
  readonly type: 'ReplaceFullPath' | 'ReplacePrefixMatch'
  readonly replaceFullPath?: string
  readonly replacePrefixMatch?: string
}

export interface HttpRequestRedirectFilter {
  readonly scheme?: 'http' | 'https'
  readonly hostname?: string
  readonly path?: HttpPathModifier
  readonly port?: number
  readonly statusCode?: number
}

export interface HttpUrlRewriteFilter {
  readonly hostname?: string
  readonly path?: HttpPathModifier
}

export interface HttpRouteFilter {
  readonly type: string
  readonly requestHeaderModifier?: HttpHeaderFilter
  readonly responseHeaderModifier?: HttpHeaderFilter
  readonly requestRedirect?: HttpRequestRedirectFilter
  readonly urlRewrite?: HttpUrlRewriteFilter
  readonly requestMirror?: HttpRequestMirrorFilter
  readonly cors?: HttpCorsFilter
}

export interface HttpRequestMirrorFilter {
  readonly backendRef: BackendRef
  /** Default 100. */
  readonly percent?: number
  readonly fraction?: { readonly numerator: number; readonly denominator?: number }
}

export interface HttpCorsFilter {
  readonly allowOrigins?: readonly string[]
  readonly allowCredentials?: boolean
  readonly allowMethods?: readonly string[]
  readonly allowHeaders?: readonly string[]
  readonly exposeHeaders?: readonly string[]
  /** Seconds; default 5. */
  readonly maxAge?: number
}

export interface BackendRef {
  /** Default empty, the core group. */
  readonly group?: string
  /** Default Service. */
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
  readonly port?: number
  /** Default 1; 0 sends nothing there. */
  readonly weight?: number
}

export interface HttpBackendRef extends BackendRef {
  readonly filters?: readonly HttpRouteFilter[]
}

/** When a request is tried again (GEP-1731). */
export interface HttpRouteRetry {
  readonly codes?: readonly number[]
  /** Further tries; default 1. */
  readonly attempts?: number
  /** Least wait before a try; default 25ms. */
  readonly backoff?: string
}

/** Keeps a client's requests at one host (GEP-1619). */
export interface SessionPersistence {
  /** Default Cookie. */
  readonly type?: 'Cookie' | 'Header'
  readonly cookie?: {
    readonly name?: string
    readonly path?: string
    readonly lifetimeType?: 'Session' | 'Permanent'
  }
  readonly header?: { readonly name: string }
  readonly absoluteTimeout?: string
  /** Of versions before 1.6. */
  readonly sessionName?: string
  readonly idleTimeout?: string
}

export interface HttpRouteTimeouts {
  /** Gateway API duration (GEP-2257): `10s`, `1h30m`, `500ms`; `0s` is off. */
  readonly request?: string
  readonly backendRequest?: string
}

/** The key that names an object: `namespace/name`. */
export function objectKey(metadata: ObjectMeta): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`
}
