import { type Channel, createChannel } from '@tidemill/rpc'
import { type LoadTls, planTarget, type TargetConfig } from '@tidemill/rpc/bench'
import type { Flags } from './command.ts'
import { cliErrors } from './errors.ts'
import { readFlagText } from './rpc-file.ts'

/** How to reach a server, by the names of the flags that the rpc commands share. */
export interface ServerConfig extends TargetConfig {
  readonly 'connect-timeout'?: string
  readonly transport?: string
}

/** The connection flags as a configuration; absent ones are left out. */
export function serverConfig(flags: Flags, host: string | undefined): ServerConfig {
  const given = (name: string): Record<string, string> => {
    const value = flags.string(name)
    return value === undefined ? {} : { [name]: value }
  }
  return {
    ...(host === undefined ? {} : { host }),
    ...(flags.origin('insecure') === 'flag' ? { insecure: flags.boolean('insecure') } : {}),
    ...(flags.boolean('skipTLS') ? { skipTLS: true } : {}),
    ...given('cacert'),
    ...given('cert'),
    ...given('key'),
    ...given('cname'),
    ...given('authority'),
    ...given('connect-timeout'),
    ...given('transport'),
  }
}

/** The certificates that a configuration names; undefined for a plaintext target. */
export async function readTls(config: ServerConfig): Promise<LoadTls | undefined> {
  if (planTarget(config).plaintext) return undefined
  if ((config.cert === undefined) !== (config.key === undefined)) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: '--cert and --key belong together',
      suggestion: 'Give both, or neither.',
    })
  }
  const [ca, cert, key] = await Promise.all([
    readPem('cacert', config.cacert),
    readPem('cert', config.cert),
    readPem('key', config.key),
  ])
  return { ca, cert, key, serverName: config.cname, skipVerify: config.skipTLS === true }
}

async function readPem(flag: string, file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : readFlagText(flag, file)
}

/** A channel to the server; closing it is the caller's. */
export async function openChannel(config: ServerConfig): Promise<Channel> {
  const { host, port, authority } = planTarget(config)
  const tls = await readTls(config)
  return createChannel(`${host.includes(':') ? `[${host}]` : host}:${port}`, {
    h2: config.transport === 'node' ? 'node' : 'native',
    connectTimeout: config['connect-timeout'] ?? '10s',
    // What a person asked for by hand is shown whatever its size.
    maxReceive: '1GiB',
    authority,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            skipVerify: tls.skipVerify,
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
            ...(tls.cert === undefined ? {} : { cert: tls.cert }),
            ...(tls.key === undefined ? {} : { key: tls.key }),
            ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
          },
        }),
  })
}
