import { isIPv6 } from 'node:net'
import type { Problem } from '@tidemill/core'
import type { HostAddress } from '../balance/host.ts'
import { gatewayErrors } from '../errors.ts'

/** Reads `namespace/service` or `namespace/service:port` with `host:port` or `http://host:port` addresses. */
export function readBackends(
  backends: Readonly<Record<string, readonly string[]>>,
): Map<string, readonly HostAddress[]> {
  const problems: Problem[] = []
  const read = new Map<string, readonly HostAddress[]>()
  for (const [name, addresses] of Object.entries(backends)) {
    if (!/^[a-z0-9][-a-z0-9]*\/[a-z0-9][-a-z0-9.]*(?::\d{1,5})?$/u.test(name)) {
      const message = 'must be named namespace/service or namespace/service:port'
      problems.push({ path: `/${name}`, message })
    }
    read.set(
      name,
      addresses.flatMap((text, i) => readAddress(text, `/${name}/${i}`, problems) ?? []),
    )
  }
  if (problems.length > 0) throw gatewayErrors.error('TM_GATEWAY_BACKENDS_INVALID', { problems })
  return read
}

function readAddress(text: string, path: string, problems: Problem[]): HostAddress | undefined {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  const plain =
    url !== null &&
    url.protocol === 'http:' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === ''
  if (!plain) {
    const expected = 'an http:// URL without path, query or user, such as http://127.0.0.1:8080'
    problems.push({ path, message: `must be ${expected}`, received: text, expected })
    return undefined
  }
  // node:net wants an IPv6 address without its brackets.
  const address = url.hostname.replaceAll(/^\[|\]$/gu, '')
  return { address, port: url.port === '' ? 80 : Number(url.port) }
}

/** The URL by which people know an address. */
export function addressUrl({ address, port }: HostAddress): string {
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`
}
