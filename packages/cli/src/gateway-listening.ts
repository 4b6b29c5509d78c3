import type { ListeningSocket } from '@tidemill/gateway/admin'
import { cliErrors } from './errors.ts'

/** The error for the first socket that could not be bound, with what helps; undefined when all are. */
export function portError(sockets: readonly ListeningSocket[]): Error | undefined {
  const failed = sockets.find((socket) => socket.error !== undefined)
  if (failed === undefined) return undefined
  const { address, port, error = '', gateways } = failed
  // What was tried may be another port than the Gateway's, by --listen.
  const [, host = address, tried = String(port), code = error] =
    /cannot listen on (\S+):(\d+): (.+)$/u.exec(error) ?? []
  return cliErrors.error('TM_CLI_GATEWAY_PORT', {
    host,
    port: tried,
    gateways: gateways.join(', '),
    reason: code,
    suggestion: suggestion(failed, tried),
  })
}

function suggestion({ address, error = '', gateways }: ListeningSocket, port: string): string {
  const any = `--listen ${address.includes(':') ? `[${address}]` : address}:0`
  if (/EACCES|EPERM/u.test(error)) {
    return `Ports below 1024 need a privilege: take any free port with --listen 127.0.0.1:0, or a fixed one with --listen ${gateways[0] ?? ''}=127.0.0.1:8080.`
  }
  if (/EADDRINUSE/u.test(error)) {
    return `Something else has that port (\`ss -ltnp 'sport = :${port}'\` says what): stop it, or take any free port with ${any}.`
  }
  if (/EADDRNOTAVAIL/u.test(error))
    return `This machine has no address ${address}: name one that it has with --listen.`
  return `Take any free port with --listen 127.0.0.1:0.`
}
