import path from 'node:path'
import type { Engine } from './engine.ts'

export const h2spec: Engine = {
  name: 'h2spec',
  about: 'HTTP/2 conformance suite for servers',
  version: '2.2.1',
  source: {
    kind: 'golang',
    module: path.join(import.meta.dirname, 'go', 'h2spec'),
    programs: { h2spec: 'github.com/summerwind/h2spec/cmd/h2spec' },
  },
}
