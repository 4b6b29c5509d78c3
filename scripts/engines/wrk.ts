import type { Engine } from './engine.ts'

export const wrk: Engine = {
  name: 'wrk',
  about: 'HTTP load',
  version: 'debian',
  source: { kind: 'debian', packages: ['wrk'], binaries: { wrk: ['/usr/bin/wrk'] } },
}
