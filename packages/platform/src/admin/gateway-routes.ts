import type { Problem } from '@tidemill/core'
import {
  type Gateway,
  type HttpRoute,
  policyVersion,
  type RoutePolicy,
  validateHttpRoute,
  validateRoutePolicy,
} from '@tidemill/gateway'
import type { RouteDocument } from '../documents.ts'
import { platformErrors } from '../errors.ts'
import type { AdminRoute } from './route-table.ts'

type ConfigObject = HttpRoute | RoutePolicy
type RouteStatus = ReturnType<Gateway['routes']>[number]

/** Routes and policies: list, explain, apply, remove. */
export function gatewayRoutes(gateway: Gateway): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/routes',
      summary: 'every route with its state',
      handle: () => ({
        schema: 'tidemill.routes.v1',
        data: { items: gateway.routes().map((route) => listed(gateway, route)) },
      }),
    },
    {
      method: 'POST',
      path: '/api/v1/routes/explain',
      summary: 'which rule takes {method, host, path, headers}, and why the others do not',
      handle: ({ body }) => ({
        schema: 'tidemill.route-explain.v1',
        data: gateway.explain(readQuestion(body)),
      }),
    },
    {
      method: 'POST',
      path: '/api/v1/objects',
      summary: 'validate and store {objects: [...]}; all or nothing; ?dryRun=true only validates',
      async handle({ body, query }) {
        const objects = readObjects(body)
        if (query.get('dryRun') !== 'true')
          for (const object of objects) await store(gateway, object)
        const names = objects.map((object) => ({
          kind: object.kind,
          name: `${object.metadata.namespace ?? 'default'}/${object.metadata.name}`,
        }))
        return {
          schema: 'tidemill.objects.v1',
          data: { revision: gateway.revision, objects: names },
        }
      },
    },
    {
      method: 'DELETE',
      path: '/api/v1/routes/:namespace/:name',
      summary: 'remove a route',
      async handle({ params }) {
        const id = `${params['namespace'] ?? ''}/${params['name'] ?? ''}`
        if (!(await gateway.deleteRoute(id)))
          throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'route', id })
        return { schema: 'tidemill.route-rm.v1', data: { name: id, revision: gateway.revision } }
      },
    },
  ]
}

function store(gateway: Gateway, object: ConfigObject): Promise<void> {
  return object.kind === 'HTTPRoute' ? gateway.putRoute(object) : gateway.putPolicy(object)
}

function listed(
  gateway: Gateway,
  status: RouteStatus,
): RouteDocument & Pick<RouteStatus, 'state' | 'revision' | 'object'> {
  const spec = status.object?.spec
  const rules = spec?.rules ?? []
  const upstreams = rules.flatMap((rule) => (rule.backendRefs ?? []).map((ref) => ref.name))
  const breakers = gateway.breakers().filter((breaker) => breaker.route === status.key)
  return {
    name: status.key,
    state: status.state,
    accepted: status.state === 'active',
    revision: status.revision,
    hostnames: spec?.hostnames ?? [],
    matches: rules.flatMap((rule) => (rule.matches ?? [{}]).map(matchText)),
    backends: [...new Set(upstreams)],
    breaker: breakers.length === 0 ? null : breakers.map((breaker) => breaker.state).join(','),
    problems: [...status.problems, ...status.warnings],
    object: status.object,
  }
}

type Match = NonNullable<
  NonNullable<NonNullable<HttpRoute['spec']['rules']>[number]['matches']>[number]
>

function matchText(match: Match): string {
  const path = `${match.path?.type ?? 'PathPrefix'} ${match.path?.value ?? '/'}`
  const headers = (match.headers ?? []).map((header) => `${header.name}: ${header.value}`)
  const query = (match.queryParams ?? []).map((param) => `?${param.name}=${param.value}`)
  return [...(match.method === undefined ? [] : [match.method]), path, ...headers, ...query].join(
    ' ',
  )
}

function readQuestion(body: unknown): Parameters<Gateway['explain']>[0] {
  const { method, host, path, headers } = (body ?? {}) as Record<string, unknown>
  const problems: Problem[] = []
  if (typeof path !== 'string' || !path.startsWith('/')) {
    problems.push({ path: '/path', message: 'must be a path that starts with /' })
  }
  for (const [name, value] of Object.entries({ method, host })) {
    if (value !== undefined && typeof value !== 'string')
      problems.push({ path: `/${name}`, message: 'must be a text' })
  }
  const pairs = headers === undefined ? [] : headers
  const paired =
    Array.isArray(pairs) &&
    pairs.every(
      (pair): pair is [string, string] =>
        Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string'),
    )
  if (!paired) problems.push({ path: '/headers', message: 'must be a list of [name, value]' })
  if (problems.length > 0 || !paired) {
    throw platformErrors.error('TM_PLATFORM_REQUEST', { what: 'the request to explain', problems })
  }
  const fields: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const [name, value] of pairs) (fields[name.toLowerCase()] ??= []).push(value)
  return {
    path: path as string,
    method: (method ?? 'GET') as string,
    host: (host ?? 'localhost') as string,
    headers: fields,
  }
}

/** Validates every object before any is stored, so that a bad one leaves nothing half-applied. */
function readObjects(body: unknown): readonly ConfigObject[] {
  const objects = (body as { readonly objects?: unknown } | undefined)?.objects
  if (!Array.isArray(objects) || objects.length === 0 || objects.length > 1000) {
    throw platformErrors.error('TM_PLATFORM_REQUEST', {
      what: 'the body must be {"objects": [...]} with 1 to 1000 objects',
      problems: [{ path: '/objects', message: 'must be a list of 1 to 1000 objects' }],
    })
  }
  const problems: Problem[] = []
  for (const [i, object] of objects.entries()) {
    const kind = (object as { readonly kind?: unknown } | null)?.kind
    const found =
      kind === 'HTTPRoute'
        ? validateHttpRoute(object)
        : kind === 'RoutePolicy'
          ? validateRoutePolicy(object)
          : [
              {
                path: '/kind',
                message: `must be HTTPRoute or RoutePolicy (${policyVersion})`,
                received: JSON.stringify(kind) ?? 'nothing',
              },
            ]
    for (const problem of found) problems.push({ ...problem, path: `/objects/${i}${problem.path}` })
  }
  if (problems.length > 0) {
    throw platformErrors.error('TM_PLATFORM_REQUEST', {
      what: 'objects that are not valid',
      problems,
    })
  }
  return objects as readonly ConfigObject[]
}
