import type { HttpCorsFilter } from './http-route.ts'

/** A CORS filter, ready to answer (httproute_types.go, HTTPCORSFilter). */
export interface CorsPlan {
  /** Any origin at all. */
  readonly anyOrigin: boolean
  readonly origins: ReadonlySet<string>
  /** Origins with a `*` in them. */
  readonly patterns: readonly RegExp[]
  readonly credentials: boolean
  /** `*`, or a list as it stands in the field; empty for none. */
  readonly methods: string
  readonly headers: string
  readonly exposed: string
  readonly maxAge: string
}

export function compileCors(filter: HttpCorsFilter): CorsPlan {
  const origins = (filter.allowOrigins ?? []).map(originForm)
  return {
    anyOrigin: origins.includes('*'),
    origins: new Set(origins.filter((origin) => !origin.includes('*'))),
    patterns: origins
      .filter((origin) => origin !== '*' && origin.includes('*'))
      .map((origin) => new RegExp(`^${origin.split('*').map(escaped).join('[^/]*')}$`)),
    credentials: filter.allowCredentials === true,
    methods: (filter.allowMethods ?? []).join(', '),
    headers: (filter.allowHeaders ?? []).join(', '),
    exposed: (filter.exposeHeaders ?? []).join(', '),
    maxAge: String(filter.maxAge ?? 5),
  }
}

/** Whether scripts of that origin may see the answers. */
export function corsAllows(plan: CorsPlan, origin: string): boolean {
  if (plan.anyOrigin) return true
  const form = originForm(origin)
  return plan.origins.has(form) || plan.patterns.some((pattern) => pattern.test(form))
}

/**
 * Fields for the answer to a preflight (`OPTIONS` with Origin and Access-Control-Request-Method), lower
 * case flat list; empty for an origin that is not allowed. A `*` is written only where it is not a
 * credential request, since browsers take it literally there.
 */
export function corsPreflight(
  plan: CorsPlan,
  origin: string,
  method: string,
  headers: string | undefined,
): string[] {
  if (!corsAllows(plan, origin)) return []
  const fields = originFields(plan, origin)
  const methods = plan.methods === '*' && plan.credentials ? method : plan.methods
  if (methods !== '') fields.push('access-control-allow-methods', methods)
  const allowed = plan.headers === '*' && plan.credentials ? (headers ?? '') : plan.headers
  if (allowed !== '') fields.push('access-control-allow-headers', allowed)
  fields.push('access-control-max-age', plan.maxAge)
  return fields
}

/** Fields for the answer to an ordinary request with an Origin, lower case flat list. */
export function corsAnswer(plan: CorsPlan, origin: string): string[] {
  if (!corsAllows(plan, origin)) return []
  const fields = originFields(plan, origin)
  if (plan.exposed !== '' && !(plan.exposed === '*' && plan.credentials)) {
    fields.push('access-control-expose-headers', plan.exposed)
  }
  return fields
}

function originFields(plan: CorsPlan, origin: string): string[] {
  const wildcard = plan.anyOrigin && !plan.credentials
  const fields = ['access-control-allow-origin', wildcard ? '*' : origin]
  // Caches must not give one origin's answer to another (Fetch standard, CORS protocol and HTTP caches).
  if (!wildcard) fields.push('vary', 'Origin')
  if (plan.credentials) fields.push('access-control-allow-credentials', 'true')
  return fields
}

/** Lower case and without the scheme's own port, which browsers do not write. */
function originForm(origin: string): string {
  const lower = origin.toLowerCase()
  return lower.replace(lower.startsWith('https:') ? /:443$/u : /:80$/u, '')
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`)
}
