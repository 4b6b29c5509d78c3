import { isIP } from 'node:net'
import path from 'node:path'
import { type Address, formatAddress, parseHostPort } from './address.ts'
import type { Resolver, ResolverFactory, ResolverListener } from './resolver.ts'
import { type Target, targetError } from './target.ts'

/** gRPC's default port. */
export const defaultPort = 443

/** Gives the same addresses whenever it is asked. */
export function staticResolver(
  addresses: readonly Address[],
  listener: ResolverListener,
): Resolver {
  let told = false
  let closed = false
  return {
    resolve() {
      // Telling it again would reset what the balancing policy learnt, for nothing.
      if (told) return
      told = true
      // Not inside `resolve`: callers of a resolver need not be prepared for an answer before it returns.
      queueMicrotask(() => {
        if (!closed) listener.resolved({ addresses })
      })
    },
    close() {
      closed = true
    },
  }
}

/** `ipv4:10.0.0.1:80,10.0.0.2:80` and `ipv6:[::1]:80,...`: addresses written out. */
export function ipResolver(family: 4 | 6): ResolverFactory {
  const addresses = (target: Target): readonly Address[] =>
    target.endpoint.split(',').map((part) => {
      const address = parseHostPort(part, defaultPort)
      if (address?.kind !== 'tcp' || isIP(address.host) !== family) {
        throw targetError(target.text, `"${part}" is not an IPv${family} address with a port`)
      }
      return address
    })
  return {
    authority: (target) => addresses(target).map(formatAddress)[0] ?? '',
    create: (target, listener) => staticResolver(addresses(target), listener),
  }
}

/**
 * `static:a:1,b:2,unix:/run/c.sock`: backends written out, host names too; those are looked up when they are connected
 * to.
 */
export const listResolver: ResolverFactory = {
  authority: (target) => listed(target).map(formatAddress)[0] ?? '',
  create: (target, listener) => staticResolver(listed(target), listener),
}

function listed(target: Target): readonly Address[] {
  return target.endpoint.split(',').map((part) => {
    const text = part.trim()
    if (text.startsWith('unix:')) return { kind: 'unix', path: path.resolve(text.slice(5)) }
    const address = parseHostPort(text, defaultPort)
    if (address === undefined) throw targetError(target.text, `"${text}" is not host:port`)
    return address
  })
}

/** `unix:relative/path` and `unix:///absolute/path`. */
export const unixResolver: ResolverFactory = {
  authority(target) {
    socketPath(target)
    return 'localhost'
  },
  create: (target, listener) => {
    return staticResolver([{ kind: 'unix', path: socketPath(target) }], listener)
  },
}

function socketPath(target: Target): string {
  if (target.authority !== '') {
    throw targetError(target.text, 'a socket path is written unix:path or unix:///path')
  }
  const absolute = target.text.startsWith('unix://')
  return path.resolve(absolute ? `/${target.endpoint}` : target.endpoint)
}
