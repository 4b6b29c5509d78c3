import path from 'node:path'
import type { Engine } from './engine.ts'

export const ghz: Engine = {
  name: 'ghz',
  about: 'gRPC load; its flags and reports are those of `tidemill rpc bench`',
  version: '0.93.0',
  source: {
    kind: 'golang',
    module: path.join(import.meta.dirname, 'go', 'ghz'),
    programs: { ghz: 'github.com/bojand/ghz/cmd/ghz' },
  },
}
