import path from 'node:path'
import type { Engine } from './engine.ts'

export const grpc: Engine = {
  name: 'grpc',
  about: "grpc-go's interop and benchmark programs, with their TLS files",
  version: '1.85.0',
  source: {
    kind: 'golang',
    module: path.join(import.meta.dirname, 'go', 'grpc'),
    programs: {
      'interop-client': 'google.golang.org/grpc/interop/client',
      'interop-server': 'google.golang.org/grpc/interop/server',
      'benchmark-client': 'google.golang.org/grpc/benchmark/client',
      'benchmark-server': 'google.golang.org/grpc/benchmark/server',
    },
    // A binary built with -trimpath does not find them by itself.
    files: {
      'ca.pem': { module: 'google.golang.org/grpc', file: 'testdata/ca.pem' },
      'server1.pem': { module: 'google.golang.org/grpc', file: 'testdata/server1.pem' },
      'server1.key': { module: 'google.golang.org/grpc', file: 'testdata/server1.key' },
    },
  },
}
