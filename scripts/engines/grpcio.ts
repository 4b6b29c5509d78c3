import type { Engine } from './engine.ts'

export const grpcio: Engine = {
  name: 'grpcio',
  about: 'gRPC for Python; PYTHONPATH is the folder above the package',
  version: '1.85.1',
  source: {
    kind: 'wheel',
    requirement: 'grpcio==1.85.1',
    with: ['typing_extensions==4.16.0'],
    binaries: { 'grpc/__init__.py': 'grpc/__init__.py' },
  },
}
