import { isIP } from 'node:net'
import type { ListenRule } from '@tidemill/gateway/admin'
import { cliErrors } from './errors.ts'

/** Reads `NAMESPACE/SERVICE[:PORT]=host:port[,host:port]...`; a repeated service has the addresses of all. */
export function readBackendFlags(flags: readonly string[]): Record<string, string[]> {
  const backends: Record<string, string[]> = {}
  for (const flag of flags) {
    const cut = flag.indexOf('=')
    const name = cut < 0 ? '' : flag.slice(0, cut)
    if (!/^[^/\s]+\/[^/\s]+$/u.test(name)) {
      throw usage(
        `--backend "${flag}" is not NAMESPACE/SERVICE[:PORT]=HOST:PORT[,...]`,
        '--backend default/web=127.0.0.1:9000',
      )
    }
    const addresses = flag.slice(cut + 1).split(',')
    backends[name] = [...(backends[name] ?? []), ...addresses.filter((one) => one !== '')]
  }
  return backends
}

/** Reads `[NAMESPACE/NAME=]ADDRESS[:PORT]`. */
export function readListenFlags(flags: readonly string[]): ListenRule[] {
  return flags.map((flag) => {
    const cut = flag.indexOf('=')
    const gateway = cut < 0 ? undefined : flag.slice(0, cut)
    if (gateway !== undefined && !/^[^/\s]+\/[^/\s]+$/u.test(gateway)) {
      throw usage(
        `--listen "${flag}" does not name a Gateway as NAMESPACE/NAME`,
        '--listen default/edge=127.0.0.1:8080',
      )
    }
    const place = readPlace(flag.slice(cut + 1), '--listen')
    return { ...place, ...(gateway === undefined ? {} : { gateway }) }
  })
}

/** Reads `ADDRESS[:PORT]`, with brackets around an IPv6 address that has a port. */
export function readPlace(
  text: string,
  flag: string,
): { readonly address: string; readonly port?: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/u.exec(text)
  const plain =
    isIP(text) === 6 ? [text, text, undefined] : /^([^\s:]+)(?::(\d{1,5}))?$/u.exec(text)
  const [, address, port] = bracketed ?? plain ?? []
  if (address === undefined || Number(port ?? 0) > 65_535 || /^\d+$/u.test(address)) {
    throw usage(`${flag} "${text}" is not ADDRESS[:PORT]`, `${flag} 127.0.0.1:8080`)
  }
  return { address, ...(port === undefined ? {} : { port: Number(port) }) }
}

function usage(what: string, example: string): Error {
  return cliErrors.error('TM_CLI_USAGE', { what, suggestion: `Write for example ${example}.` })
}
