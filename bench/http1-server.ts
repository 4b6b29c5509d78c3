import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { binaries } from '../scripts/engines/require.ts'
import { defineBench } from './lib/bench.ts'
import { Hello } from './lib/hello.ts'
import { ratio } from './lib/measure.ts'
import type { HelloStats } from './peers/hello-counter.ts'

const run = promisify(execFile)

/** wrk's script for a pipeline of 16, as the TechEmpower plaintext test sends it. */
const pipelineScript = `init = function(args)
  local r = {}
  for i = 1, 16 do r[i] = wrk.format(nil, "/") end
  req = table.concat(r)
end
request = function() return req end
`

/** What a browser sends with a request: 11 fields, about 650 bytes. */
const browserFields = [
  'User-Agent: Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Cache-Control: max-age=0',
  'Cookie: session=0f9f7f0b5b1d4a3c; theme=dark; consent=1',
  'Referer: https://shop.example/catalogue?page=2',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
].flatMap((field) => ['-H', field])

export const bench = defineBench({
  name: 'http1-server',
  about: 'A hello server, one core, 64 keep-alive connections of wrk on the other core',
  claims: [
    { id: 'requests', about: 'requests/s against node:http', unit: 'x', target: { atLeast: 2.5 } },
    {
      id: 'pipelined',
      about: 'requests/s against node:http, 16 in a pipeline',
      unit: 'x',
      target: { atLeast: 2.5 },
    },
  ],
  async run(ctx) {
    const { wrk = 'wrk' } = binaries('wrk')
    const folder = await mkdtemp(path.join(os.tmpdir(), 'tidemill-bench-'))
    const script = path.join(folder, 'pipeline.lua')
    await writeFile(script, pipelineScript)
    const [ours, node] = await Promise.all([
      Hello.start('http1-hello.ts', 'ours'),
      Hello.start('http1-hello.ts', 'node'),
    ])
    const seen = new Map<string, HelloStats>()
    const slice = async (name: string, hello: Hello, more: string[] = []): Promise<number> => {
      const url = `http://127.0.0.1:${hello.port}/`
      await hello.stats()
      const args = ['-c', '1', wrk, '-t1', '-c64', '-d2s', ...more, url]
      const { stdout } = await run('taskset', args)
      seen.set(name, await hello.stats())
      const rate = Number(/Requests\/sec:\s+([\d.]+)/u.exec(stdout)?.[1])
      if (/Non-2xx|Socket errors/u.test(stdout)) throw new Error(`${name}: ${stdout}`)
      return rate
    }
    try {
      const lanes = await ctx.alternate({
        measure: 'rate',
        unit: 'requests/s',
        rounds: 3,
        lanes: {
          ours: () => slice('ours', ours),
          nodeHttp: () => slice('node:http', node),
          oursBrowser: () => slice("ours, a browser's fields", ours, browserFields),
          nodeBrowser: () => slice("node:http, a browser's fields", node, browserFields),
          oursPipelined: () => slice('ours, pipelined', ours, ['-s', script]),
          nodePipelined: () => slice('node:http, pipelined', node, ['-s', script]),
        },
      })
      for (const [name, { requests, userUs, systemUs, allocated }] of seen) {
        const per = (value: number, digits: number): string => (value / requests).toFixed(digits)
        ctx.note(
          `${name}: ${per(allocated, 0)} bytes allocated, ${per(userUs, 2)} us of user and ${per(systemUs, 2)} us of kernel time a request`,
        )
      }
      ctx.note(
        `with a browser's fields ${ratio(lanes.oursBrowser, lanes.nodeBrowser).toFixed(2)} times node:http`,
      )
      const plain = seen.get('ours')
      const theirs = seen.get('node:http')
      if (plain !== undefined && theirs !== undefined) {
        // What no server over node:net can save: the system calls of one read and one write for each request.
        const kernel = plain.systemUs / plain.requests
        const whole = (theirs.userUs + theirs.systemUs) / theirs.requests
        ctx.note(
          `without a pipeline our kernel time alone is ${kernel.toFixed(1)} us a request, so a server that took no time of its own would reach ${(whole / kernel).toFixed(1)} times node:http`,
        )
      }
      ctx.ratio('requests', lanes.ours, lanes.nodeHttp)
      ctx.ratio('pipelined', lanes.oursPipelined, lanes.nodePipelined)
    } finally {
      ours.stop()
      node.stop()
      await rm(folder, { recursive: true, force: true })
    }
  },
})
