import type { Engine } from './engine.ts'

export const h2load: Engine = {
  name: 'h2load',
  about: 'HTTP/2 load',
  version: 'debian',
  source: {
    kind: 'debian',
    packages: ['nghttp2-client'],
    binaries: { h2load: ['/usr/bin/h2load'] },
  },
}
