/** Whether a name (perhaps a wildcard) lies within a pattern; empty is any. */
function within(name: string, pattern: string): boolean {
  if (pattern === '' || name === pattern) return true
  // `*.example.com` takes every name with at least one label more, also a narrower wildcard.
  return pattern.startsWith('*.') && name !== '' && name.endsWith(pattern.slice(1))
}

/** The narrower of two hostnames that overlap, else undefined; empty is any. */
export function overlap(a: string, b: string): string | undefined {
  if (within(a, b)) return a
  return within(b, a) ? b : undefined
}

/**
 * The names on which a route answers at a listener (httproute_types.go, HTTPRouteSpec.Hostnames); empty
 * list when they have none in common.
 */
export function commonHostnames(
  listener: string,
  hostnames: readonly string[] | undefined,
): readonly string[] {
  if (hostnames === undefined || hostnames.length === 0) return [listener]
  if (listener === '') return hostnames
  const common = new Set<string>()
  for (const name of hostnames) {
    const shared = overlap(name, listener)
    if (shared !== undefined) common.add(shared)
  }
  return [...common]
}
