import { channelErrors } from './errors.ts'
import type { ResolverFactory } from './resolver.ts'

/** A name as a channel is given it, split as an URI (gRPC name resolution). */
export interface Target {
  /** As the caller wrote it. */
  readonly text: string
  readonly scheme: string
  /** Between `//` and the next `/`; empty when there is none. For `dns` the name server to ask. */
  readonly authority: string
  /** The rest, without the slash after the authority. */
  readonly endpoint: string
}

/**
 * Splits `scheme://authority/endpoint`, `scheme:endpoint` and plain `host:port`. What does not begin with a scheme
 * that has a resolver is a DNS name. Throws TM_RPC_TARGET for an empty name.
 */
export function parseTarget(
  text: string,
  find: (scheme: string) => ResolverFactory | undefined,
): { readonly target: Target; readonly resolver: ResolverFactory } {
  const [, scheme = '', rest = ''] = /^([a-z][a-z\d+.-]*):(.*)$/iu.exec(text) ?? []
  const named = find(scheme.toLowerCase())
  const resolver = named ?? find('dns')
  if (resolver === undefined) throw targetError(text, 'no resolver for its scheme')
  const target =
    named === undefined
      ? { text, scheme: 'dns', authority: '', endpoint: text }
      : { text, scheme: scheme.toLowerCase(), ...splitRest(rest) }
  if (target.endpoint === '') throw targetError(text, 'it names nothing')
  return { target, resolver }
}

function splitRest(rest: string): { readonly authority: string; readonly endpoint: string } {
  if (!rest.startsWith('//')) return { authority: '', endpoint: rest }
  const slash = rest.indexOf('/', 2)
  if (slash < 0) return { authority: rest.slice(2), endpoint: '' }
  return { authority: rest.slice(2, slash), endpoint: rest.slice(slash + 1) }
}

export function targetError(target: string, reason: string): Error {
  return channelErrors.error('TM_RPC_TARGET', { target: target.slice(0, 200), reason })
}
