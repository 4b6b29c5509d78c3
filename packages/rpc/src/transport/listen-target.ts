import { rpcErrors } from '../errors.ts'
import type { ListenTarget } from './transport.ts'

/** Reads `host:port`, `:port`, `port`, `[v6]:port` and `unix:path`; no host is loopback. Throws TM_RPC_LISTEN. */
export function parseListenTarget(text: string): ListenTarget {
  if (text.startsWith('unix:')) return { kind: 'unix', path: text.slice(5) }
  const [, v6, host, port] = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/u.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535) {
    throw rpcErrors.error('TM_RPC_LISTEN', { address: text.slice(0, 200), reason: 'not host:port' })
  }
  const name = v6 ?? host ?? ''
  return { kind: 'tcp', host: name === '' ? '127.0.0.1' : name, port: Number(port) }
}

export function formatListenTarget(target: ListenTarget): string {
  if (target.kind === 'unix') return `unix:${target.path}`
  return target.host.includes(':')
    ? `[${target.host}]:${target.port}`
    : `${target.host}:${target.port}`
}
