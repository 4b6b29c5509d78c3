import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { binaries } from '../scripts/engines/require.ts'
import { defineBench } from './lib/bench.ts'
import { Hello } from './lib/hello.ts'
import { ratio } from './lib/measure.ts'
import type { HelloStats } from './peers/hello-counter.ts'

const run = promisify(execFile)

export const bench = defineBench({
  name: 'http2-server',
  about: 'A hello server over h2c, one core, h2load on the other core',
  claims: [
    {
      id: 'requests',
      about: 'requests/s against node:http2, 8 connections of 100 streams',
      unit: 'x',
      target: { atLeast: 4 },
    },
  ],
  async run(ctx) {
    const { h2load = 'h2load' } = binaries('h2load')
    const [ours, node] = await Promise.all([
      Hello.start('http2-hello.ts', 'ours'),
      Hello.start('http2-hello.ts', 'node'),
    ])
    const seen = new Map<string, HelloStats>()
    const slice = async (name: string, hello: Hello, connections: number): Promise<number> => {
      await hello.stats()
      const load = ['-D', '2', '-c', String(connections), '-m', '100', '-t', '1']
      const url = `http://127.0.0.1:${hello.port}/`
      const { stdout } = await run('taskset', ['-c', '1', h2load, ...load, url])
      seen.set(name, await hello.stats())
      if (!/ 0 failed, 0 errored/u.test(stdout)) throw new Error(`${name}: ${stdout}`)
      return Number(/finished in [^,]+, ([\d.]+) req\/s/u.exec(stdout)?.[1])
    }
    try {
      const lanes = await ctx.alternate({
        measure: 'rate',
        unit: 'requests/s',
        rounds: 3,
        lanes: {
          ours: () => slice('ours, 1 connection', ours, 1),
          nodeHttp2: () => slice('node:http2, 1 connection', node, 1),
          ours8: () => slice('ours, 8 connections', ours, 8),
          nodeHttp28: () => slice('node:http2, 8 connections', node, 8),
        },
      })
      for (const [name, { requests, userUs, systemUs, allocated }] of seen) {
        const per = (value: number, digits: number): string => (value / requests).toFixed(digits)
        ctx.note(
          `${name}: ${per(allocated, 0)} bytes allocated, ${per(userUs, 2)} us of user and ${per(systemUs, 2)} us of kernel time a request`,
        )
      }
      const one = ratio(lanes.ours, lanes.nodeHttp2)
      ctx.note(
        `1 connection: ${one.toFixed(1)} times node:http2; ours then waits for h2load, which has 100 streams and no more`,
      )
      ctx.ratio('requests', lanes.ours8, lanes.nodeHttp28)
    } finally {
      ours.stop()
      node.stop()
    }
  },
})
