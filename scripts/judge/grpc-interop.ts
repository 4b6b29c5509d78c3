import { compressed, fillsServerId, go, plain, soaks } from './grpc-interop-cases.ts'
import { goClient, nodeClient, pythonClient, type RunCases } from './grpc-interop-clients.ts'
import { goServer, nodeServer, pythonServer, type StartServer } from './grpc-interop-servers.ts'
import type { CaseResult, Suite } from './suite.ts'

interface Pairing {
  /** Client's name to what it runs against the server. */
  readonly [client: string]: { readonly run: RunCases; readonly cases: readonly string[] }
}

interface Party {
  readonly start: StartServer
  readonly clients: Pairing
}

const all = [...go, ...fillsServerId, ...compressed]
const basic = [...plain, ...fillsServerId]

const ours = { ours: nodeClient('ours'), node: nodeClient('node') }

/** Both transports of our client with the same cases. */
function ourClients(cases: readonly string[]): Pairing {
  return { ours: { run: ours.ours, cases }, node: { run: ours.node, cases } }
}

/** Everybody against our server. */
const everybody: Pairing = {
  go: { run: goClient, cases: [...go, ...fillsServerId] },
  python: { run: pythonClient, cases: [...basic, 'large_unary_gzip', ...compressed] },
  'grpc-js': { run: nodeClient('grpc-js'), cases: [...go, ...fillsServerId] },
  ...ourClients(all),
}

const servers: Readonly<Record<string, Party>> = {
  ours: { start: nodeServer('ours'), clients: everybody },
  node: { start: nodeServer('node'), clients: everybody },
  go: { start: goServer, clients: ourClients(go) },
  python: { start: pythonServer, clients: ourClients([...basic, ...soaks, ...compressed]) },
  'grpc-js': { start: nodeServer('grpc-js'), clients: ourClients([...go, ...fillsServerId]) },
}

/** Every client's cases against one server; ids are CLIENT-client/SERVER-server/WIRE/CASE. */
async function against(name: string, party: Party, tls: boolean): Promise<readonly CaseResult[]> {
  await using server = await party.start(tls)
  const wire = tls ? 'tls' : 'plain'
  const results: CaseResult[] = []
  for (const [client, { run, cases }] of Object.entries(party.clients)) {
    for (const one of await run(cases, server.port, tls)) {
      const id = `${client}-client/${name}-server/${wire}/${one.id}`
      results.push({ ...one, id })
    }
  }
  return results
}

export const grpcInterop: Suite = {
  name: 'grpc-interop',
  system: 'rpc',
  source: 'google.golang.org/grpc/interop v1.85.0, with grpcio 1.85.1 and @grpc/grpc-js 1.14.7',
  engines: ['grpc', 'grpcio'],
  notClaimed: {},
  async run(progress) {
    const results: CaseResult[] = []
    for (const [name, party] of Object.entries(servers)) {
      for (const tls of [false, true]) {
        progress(`${name} server, ${tls ? 'TLS' : 'plain'}`)
        results.push(...(await against(name, party, tls)))
      }
    }
    return results
  },
}
