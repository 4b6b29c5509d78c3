import type { IncomingMessage } from 'node:http'
import { platformErrors } from '../errors.ts'

const loopbackHosts = new Set(['127.0.0.1', 'localhost', '[::1]'])

/**
 * Refuses what a page of another site could send to a loopback port: a foreign Host (DNS rebinding), a foreign
 * Origin, and a write that is not JSON (a form or a beacon needs no preflight, JSON does).
 */
export function guardRequest(request: IncomingMessage): void {
  const host = hostName(request.headers.host ?? '')
  if (!loopbackHosts.has(host)) {
    throw platformErrors.error('TM_PLATFORM_FORBIDDEN', {
      what: `Host "${host}" is not this machine`,
    })
  }
  const { origin } = request.headers
  if (origin !== undefined && origin !== `http://${request.headers.host ?? ''}`) {
    throw platformErrors.error('TM_PLATFORM_FORBIDDEN', {
      what: `Origin "${origin}" is another site`,
    })
  }
  const writes = request.method !== 'GET' && request.method !== 'HEAD'
  const type = request.headers['content-type'] ?? ''
  if (writes && !type.startsWith('application/json')) {
    throw platformErrors.error('TM_PLATFORM_FORBIDDEN', {
      what: 'a write needs content-type application/json',
    })
  }
}

function hostName(host: string): string {
  const cut = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':')
  return (cut <= 0 ? host : host.slice(0, cut)).toLowerCase()
}
