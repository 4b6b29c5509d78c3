import { dnsResolver } from './dns-resolver.ts'
import type { ResolverFactory } from './resolver.ts'
import { ipResolver, listResolver, unixResolver } from './static-resolver.ts'

const resolvers = new Map<string, ResolverFactory>([
  ['dns', dnsResolver],
  ['ipv4', ipResolver(4)],
  ['ipv6', ipResolver(6)],
  ['unix', unixResolver],
  ['static', listResolver],
])

/**
 * Makes targets `scheme:...` resolvable in this process, for channels created from now on. The scheme is in lower
 * case; registering one again replaces it.
 */
export function registerResolver(scheme: string, factory: ResolverFactory): void {
  resolvers.set(scheme, factory)
}

export function findResolver(scheme: string): ResolverFactory | undefined {
  return resolvers.get(scheme)
}
