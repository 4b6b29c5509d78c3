import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Engine } from './engine.ts'
import { succeeds } from './ready.ts'

export const postgres: Engine = {
  name: 'postgres',
  about: 'sql engine for postgres:// URLs',
  version: 'debian',
  source: {
    kind: 'debian',
    packages: ['postgresql'],
    binaries: {
      postgres: ['/usr/lib/postgresql/*/bin/postgres'],
      initdb: ['/usr/lib/postgresql/*/bin/initdb'],
      psql: ['/usr/lib/postgresql/*/bin/psql'],
    },
  },
  server: {
    user: 'postgres',
    url: (port) => `postgres://tidemill:tidemill@127.0.0.1:${port}/postgres`,
    prepare: ({ initdb: file = '' }, { dir }) => {
      const password = path.join(dir, 'password')
      writeFileSync(password, 'tidemill\n')
      const args = ['--pgdata', path.join(dir, 'data'), '--username=tidemill', '--no-sync']
      const login = ['--auth=scram-sha-256', `--pwfile=${password}`]
      return [{ file, args: [...args, ...login, '--encoding=UTF8', '--locale=C.UTF-8'] }]
    },
    start: ({ postgres: file = '' }, { dir, port }) => ({
      file,
      args: [
        ['-D', path.join(dir, 'data')],
        ['-p', String(port)],
        ['-c', 'listen_addresses=127.0.0.1'],
        ['-c', 'unix_socket_directories='],
      ].flat(),
    }),
    ready: ({ psql = '' }, { port }) =>
      succeeds(
        psql,
        ['-h', '127.0.0.1', '-p', String(port), '-U', 'tidemill', '-c', 'select 1', 'postgres'],
        { PGPASSWORD: 'tidemill' },
      ),
  },
}
