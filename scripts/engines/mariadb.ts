import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { accountArgs } from './account.ts'
import type { Engine } from './engine.ts'
import { succeeds } from './ready.ts'

const user = 'mysql'

export const mariadb: Engine = {
  name: 'mariadb',
  about: 'sql engine for mysql:// URLs',
  version: 'debian',
  source: {
    kind: 'debian',
    packages: ['mariadb-server'],
    binaries: {
      mariadbd: ['/usr/sbin/mariadbd'],
      'mariadb-install-db': ['/usr/bin/mariadb-install-db'],
      mariadb: ['/usr/bin/mariadb'],
    },
  },
  server: {
    user,
    url: (port) => `mysql://tidemill:tidemill@127.0.0.1:${port}/tidemill`,
    prepare: ({ 'mariadb-install-db': file = '' }, { dir }) => {
      writeFileSync(
        path.join(dir, 'init.sql'),
        "CREATE DATABASE IF NOT EXISTS tidemill;\nCREATE USER IF NOT EXISTS tidemill@'%' IDENTIFIED BY 'tidemill';\nGRANT ALL ON *.* TO tidemill@'%';\n",
      )
      const data = `--datadir=${path.join(dir, 'data')}`
      const args = ['--no-defaults', data, '--skip-test-db', ...accountArgs(user)]
      return [{ file, args: [...args, '--auth-root-authentication-method=normal'] }]
    },
    start: ({ mariadbd: file = '' }, { dir, port }) => ({
      file,
      args: [
        '--no-defaults',
        ...accountArgs(user),
        `--datadir=${path.join(dir, 'data')}`,
        `--init-file=${path.join(dir, 'init.sql')}`,
        `--socket=${path.join(dir, 'mariadb.sock')}`,
        `--pid-file=${path.join(dir, 'mariadb.pid')}`,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        '--skip-name-resolve',
      ],
    }),
    ready: ({ mariadb: file = '' }, { port }) =>
      succeeds(file, [
        '--no-defaults',
        '--host=127.0.0.1',
        `--port=${port}`,
        '--user=tidemill',
        '--password=tidemill',
        '--execute=SELECT 1',
        'tidemill',
      ]),
  },
}
