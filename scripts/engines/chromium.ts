import path from 'node:path'
import type { Engine } from './engine.ts'
import { answers } from './ready.ts'

export const chromium: Engine = {
  name: 'chromium',
  about: 'browser of the console tests; its URL is the DevTools endpoint',
  version: 'debian',
  source: {
    kind: 'debian',
    packages: ['chromium', 'fonts-noto-cjk'],
    binaries: {
      chromium: ['/usr/bin/chromium'],
      // Chinese pages must not be screenshots of empty boxes.
      font: ['/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc'],
    },
  },
  server: {
    url: (port) => `http://127.0.0.1:${port}`,
    start: ({ chromium: file = '' }, { dir, port }) => ({
      file,
      args: [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--disable-background-networking',
        `--user-data-dir=${path.join(dir, 'profile')}`,
        `--remote-debugging-port=${port}`,
      ],
    }),
    ready: (_, { port }) => answers(`http://127.0.0.1:${port}/json/version`),
  },
}
