import type { Transport } from '../transport.ts'
import { NativeConnector } from './native-client.ts'
import { NativeServerTransport } from './native-server.ts'

/** HTTP/2 by `@tidemill/http2`. */
export const nativeTransport: Transport = {
  name: 'native',
  server: (settings) => new NativeServerTransport(settings),
  client: (settings) => new NativeConnector(settings),
}
