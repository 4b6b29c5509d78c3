import { nodeTransport } from './node/node-transport.ts'
import { nativeTransport } from './native/native-transport.ts'
import type { Transport, TransportName } from './transport.ts'

/** The transport of a name; ours unless another is asked for. */
export function findTransport(name: TransportName | undefined): Transport {
  return name === 'node' ? nodeTransport : nativeTransport
}
