import path from 'node:path'
import type { Engine } from './engine.ts'

export const peers: Engine = {
  name: 'peers',
  about: 'our own small Go programs that benches measure against (bench/peers)',
  version: '1',
  source: {
    kind: 'golang',
    module: path.join(import.meta.dirname, '..', '..', 'bench', 'peers'),
    programs: {
      'mux-proxy': './mux-proxy',
      'grpc-proxy': './grpc-proxy',
      'etcd-client': './etcd-client',
    },
  },
}
