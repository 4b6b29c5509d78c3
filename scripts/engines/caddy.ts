import path from 'node:path'
import type { Engine } from './engine.ts'

export const caddy: Engine = {
  name: 'caddy',
  about: 'peer of the gateway',
  version: '2.10.2',
  source: {
    kind: 'golang',
    module: path.join(import.meta.dirname, 'go', 'caddy'),
    programs: { caddy: 'github.com/caddyserver/caddy/v2/cmd/caddy' },
  },
}
