import path from 'node:path'
import type { Engine } from './engine.ts'
import { answers } from './ready.ts'

export const etcd: Engine = {
  name: 'etcd',
  about: 'kv engine, with etcdctl',
  version: '3.6.8',
  source: {
    kind: 'golang',
    module: path.join(import.meta.dirname, 'go', 'etcd'),
    programs: { etcd: 'go.etcd.io/etcd/server/v3', etcdctl: 'go.etcd.io/etcd/etcdctl/v3' },
  },
  server: {
    url: (port) => `http://127.0.0.1:${port}`,
    start: ({ etcd: file = '' }, { dir, port, auxPort }) => {
      const client = `http://127.0.0.1:${port}`
      const peer = `http://127.0.0.1:${auxPort}`
      return {
        file,
        args: [
          ['--name', 'default'],
          ['--data-dir', path.join(dir, 'data')],
          ['--listen-client-urls', client],
          ['--advertise-client-urls', client],
          ['--listen-peer-urls', peer],
          ['--initial-advertise-peer-urls', peer],
          ['--initial-cluster', `default=${peer}`],
          ['--log-level', 'warn'],
        ].flat(),
      }
    },
    ready: (_, { port }) => answers(`http://127.0.0.1:${port}/health`),
  },
}
