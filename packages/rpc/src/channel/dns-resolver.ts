import dns from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Address, formatAddress, parseHostPort } from './address.ts'
import { pollingResolver } from './polling-resolver.ts'
import type { Resolution, ResolverContext, ResolverFactory } from './resolver.ts'
import { defaultPort, staticResolver } from './static-resolver.ts'
import { type Target, targetError } from './target.ts'
import { chooseServiceConfig } from './txt-service-config.ts'

/** What the resolver asks the network for. */
export interface DnsLookup {
  /** Addresses of the name, in the order in which they should be tried. */
  addresses(host: string): Promise<readonly string[]>
  /** TXT records, each in its parts. */
  texts(host: string): Promise<readonly (readonly string[])[]>
}

/** `dns:host:port`, `dns:///host:port`, `dns://server/host:port` and plain `host:port`; port 443 when none is given. */
export const dnsResolver: ResolverFactory = createDnsResolver(systemLookup)

export function createDnsResolver(lookupBy: (server: string) => DnsLookup): ResolverFactory {
  return {
    authority(target) {
      endpointAddress(target)
      return target.endpoint
    },
    create(target, listener, context) {
      const address = endpointAddress(target)
      if (isIP(address.host) !== 0) return staticResolver([address], listener)
      const lookup = lookupBy(target.authority)
      return pollingResolver(() => resolve(lookup, address, context), listener, context)
    },
  }
}

type TcpAddress = Extract<Address, { kind: 'tcp' }>

function endpointAddress(target: Target): TcpAddress {
  const address = parseHostPort(target.endpoint, defaultPort)
  if (address?.kind === 'tcp') return address
  throw targetError(target.text, 'it is not host:port')
}

async function resolve(
  lookup: DnsLookup,
  name: TcpAddress,
  context: ResolverContext,
): Promise<Resolution> {
  const [hosts, serviceConfig] = await Promise.all([
    lookup.addresses(name.host),
    context.txtServiceConfig ? txtConfig(lookup, name.host, context) : undefined,
  ])
  if (hosts.length === 0) throw new Error(`${formatAddress(name)}: the name has no address`)
  const addresses = hosts.map((host) => ({ kind: 'tcp', host, port: name.port }) as const)
  return { addresses, ...(serviceConfig === undefined ? {} : { serviceConfig }) }
}

/** Names without a record are the normal case, and a server that cannot answer must not stop calls. */
async function txtConfig(
  lookup: DnsLookup,
  host: string,
  context: ResolverContext,
): Promise<unknown> {
  try {
    return chooseServiceConfig(await lookup.texts(`_grpc_config.${host}`), context.random)
  } catch {
    return undefined
  }
}

function systemLookup(server: string): DnsLookup {
  const resolver = new dns.Resolver()
  if (server === '') {
    return {
      // The system's own way, with /etc/hosts: what every other program of the machine sees.
      async addresses(host) {
        const found = await dns.lookup(host, { all: true, order: 'verbatim' })
        return found.map((entry) => entry.address)
      },
      texts: (host) => resolver.resolveTxt(host),
    }
  }
  resolver.setServers([server])
  return {
    async addresses(host) {
      const families = await Promise.allSettled([resolver.resolve6(host), resolver.resolve4(host)])
      const found = families.flatMap((result) =>
        result.status === 'fulfilled' ? result.value : [],
      )
      const failure = families.find((result) => result.status === 'rejected')
      if (found.length === 0 && failure !== undefined) throw failure.reason
      return found
    },
    texts: (host) => resolver.resolveTxt(host),
  }
}
