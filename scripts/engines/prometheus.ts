import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Engine } from './engine.ts'
import { answers } from './ready.ts'

export const prometheus: Engine = {
  name: 'prometheus',
  about: 'scrapes and receives metrics',
  version: 'debian',
  source: {
    kind: 'debian',
    packages: ['prometheus'],
    binaries: { prometheus: ['/usr/bin/prometheus'], promtool: ['/usr/bin/promtool'] },
  },
  server: {
    url: (port) => `http://127.0.0.1:${port}`,
    start: ({ prometheus: file = '' }, { dir, port, config }) => {
      const configFile = path.join(dir, 'prometheus.yml')
      writeFileSync(configFile, config ?? 'global:\n  scrape_interval: 1s\n')
      return {
        file,
        args: [
          `--config.file=${configFile}`,
          `--storage.tsdb.path=${path.join(dir, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--web.enable-remote-write-receiver',
          '--log.level=warn',
        ],
      }
    },
    ready: (_, { port }) => answers(`http://127.0.0.1:${port}/-/ready`),
  },
}
