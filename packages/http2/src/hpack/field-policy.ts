/** How an encoder sends a field that its table does not have. */
export type FieldPolicy = typeof INDEX | typeof ADAPT | typeof PLAIN | typeof SECRET
/** Into the table at once: one of few values. */
export const INDEX = 0
/** Into the table when the same field comes again: perhaps a constant, perhaps different each time. */
export const ADAPT = 1
/** Never into the table: different each time. */
export const PLAIN = 2
/** Never into anybody's table (RFC 7541 7.1.3): short enough to be guessed by watching sizes, or a credential. */
export const SECRET = 3

const policies: readonly (readonly [FieldPolicy, string])[] = [
  [
    INDEX,
    ':method :scheme :authority :status te content-type user-agent server accept-encoding content-encoding ' +
      'grpc-status grpc-encoding grpc-accept-encoding grpc-internal-encoding-request',
  ],
  [
    PLAIN,
    'grpc-timeout content-length date age etag expires last-modified if-match if-none-match if-modified-since ' +
      'if-unmodified-since if-range range content-range location retry-after traceparent tracestate b3 x-b3-traceid ' +
      'x-b3-spanid x-b3-parentspanid x-request-id x-correlation-id x-trace-id x-amzn-trace-id ' +
      'x-cloud-trace-context uber-trace-id grpc-trace-bin grpc-tags-bin grpc-previous-rpc-attempts ' +
      'x-envoy-upstream-service-time',
  ],
  [SECRET, 'authorization proxy-authorization set-cookie x-api-key x-csrf-token'],
]

/** By name; ADAPT for the others. */
export const fieldPolicies: ReadonlyMap<string, FieldPolicy> = new Map(
  policies.flatMap(([policy, names]) => names.split(' ').map((name) => [name, policy] as const)),
)

/** Cookies below this length are secret, as other stacks have it: longer ones cannot be guessed byte by byte. */
export const shortCookie = 20
