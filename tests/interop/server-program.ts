/** What `server.ts` runs. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { binaries } from '../../scripts/engines/require.ts'
import { unknownName } from '../../scripts/lib/nearest.ts'
import type { InteropServer, Listen } from './implementations/endpoint.ts'
import { grpcJsServer } from './implementations/grpc-js-server.ts'
import { ourServer } from './implementations/our-server.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    transport: { type: 'string', default: 'ours' },
    tls: { type: 'boolean', default: false },
    cert: { type: 'string' },
    key: { type: 'string' },
  },
})

const starters: Readonly<Record<string, (listen: Listen) => Promise<InteropServer>>> = {
  ours: (listen) => ourServer(listen, 'native'),
  node: (listen) => ourServer(listen, 'node'),
  'grpc-js': grpcJsServer,
}

/** The suite's own certificate unless files are given. */
function certificate(): Listen['tls'] {
  if (!values.tls) return undefined
  const file = (given: string | undefined, name: string): string =>
    readFileSync(given ?? binaries('grpc')[name] ?? '', 'utf8')
  return { cert: file(values.cert, 'server1.pem'), key: file(values.key, 'server1.key') }
}

const start = starters[values.transport]
if (values.port === undefined) {
  console.error('needs --port N')
  process.exitCode = 2
} else if (start === undefined) {
  console.error(unknownName('transport', values.transport, Object.keys(starters)))
  process.exitCode = 2
} else {
  const { host, port } = values
  const server = await start({ host, port: Number(port), tls: certificate() })
  console.log(`listening on ${host}:${port}`)
  process.once('SIGTERM', () => void server.close())
  process.once('SIGINT', () => void server.close())
}
