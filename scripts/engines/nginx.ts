import type { Engine } from './engine.ts'

export const nginx: Engine = {
  name: 'nginx',
  about: 'peer of the gateway',
  version: 'debian',
  source: { kind: 'debian', packages: ['nginx-light'], binaries: { nginx: ['/usr/sbin/nginx'] } },
}
