import type { HttpRouteMatch, HttpRouteRule } from '../router/index.ts'
import type { GrpcRoute, GrpcRouteMatch } from './grpc-route.ts'

/** A rule of a GRPCRoute in the terms of the router. */
export interface GrpcRule {
  readonly rule: HttpRouteRule
  /** By match; see `RuleOptions.offsets`. */
  readonly offsets: readonly number[]
}

/**
 * The rules of a GRPCRoute as rules about paths `/service/method`. GRPCRoute ranks characters of the service
 * before characters of the method (grpcroute_types.go, GRPCRouteRule.Matches), which the law of paths would
 * not: matches without a service go after all with one, matches without either last.
 */
export function grpcRules(route: GrpcRoute): GrpcRule[] {
  return (route.spec.rules ?? [{}]).map((rule) => {
    const { matches, ...rest } = rule
    const list: readonly GrpcRouteMatch[] =
      matches === undefined || matches.length === 0 ? [{}] : matches
    return { rule: { ...rest, matches: list.map(pathMatch) }, offsets: list.map(offsetOf) }
  })
}

function offsetOf({ method }: GrpcRouteMatch): number {
  if ((method?.service ?? '') !== '') return 0
  return (method?.method ?? '') === '' ? -0.5 : -0.25
}

function pathMatch({ method, headers }: GrpcRouteMatch): HttpRouteMatch {
  return { path: pathOf(method), ...(headers === undefined ? {} : { headers }) }
}

function pathOf(match: GrpcRouteMatch['method']): NonNullable<HttpRouteMatch['path']> {
  const { type = 'Exact', service = '', method = '' } = match ?? {}
  if (type === 'RegularExpression') {
    return { type, value: `/${segment(service)}/${segment(method)}` }
  }
  if (service !== '' && method !== '') return { type: 'Exact', value: `/${service}/${method}` }
  if (service !== '') return { type: 'PathPrefix', value: `/${service}` }
  if (method !== '') return { type: 'RegularExpression', value: `/[^/]+/${method}` }
  return { type: 'PathPrefix', value: '/' }
}

/** An expression for one segment; any without one. */
function segment(source: string): string {
  return source === '' ? '[^/]+' : `(?:${source})`
}
