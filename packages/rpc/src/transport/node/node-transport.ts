import type { Transport } from '../transport.ts'
import { NodeConnector } from './node-client.ts'
import { NodeServerTransport } from './node-server.ts'

/** HTTP/2 by node:http2: the fallback, and the oracle of our own in tests. */
export const nodeTransport: Transport = {
  name: 'node',
  server: (settings) => new NodeServerTransport(settings),
  client: (settings) => new NodeConnector(settings),
}
