import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { realClock } from '@tidemill/core'
import { createRelay, type Relay } from '@tidemill/rpc/bench'
import type { Serving } from '../scripts/lib/child.ts'
import { defineBench } from './lib/bench.ts'
import { nodeClient, nodeServer, pinning } from './rpc/lanes.ts'

const concurrency = 1000
const rttMs = 50
const uploadBytes = 64 * 1024 * 1024
const unreadStreams = 500
/** The default of a server's memoryBudget. */
const budgetMiB = 256

const smallest = '65535/65535'
const fixed = `${1024 * 1024}/${4 * 1024 * 1024}`

interface Upload {
  readonly seconds: number
  readonly sent: number
}

/** Resident memory of a process, MiB. */
function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}

function far(server: Serving): Promise<Relay> {
  return createRelay({ host: '127.0.0.1', port: server.port, rttMs, clock: realClock })
}

async function callRate(relay: Relay): Promise<number> {
  const target = ['--port', `${relay.port}`, '--concurrency', `${concurrency}`]
  const load = ['--request-size', '4096', '--warmup-ms', '2000', '--measure-ms', '4000']
  const { perSecond } = await nodeClient('our-client.ts', [...target, ...load])
  return perSecond
}

async function uploadRate(relay: Relay): Promise<number> {
  const args = ['--port', `${relay.port}`, '--bytes', `${uploadBytes}`]
  const { seconds } = await nodeClient<Upload>('upload-client.ts', args)
  return uploadBytes / 1e6 / seconds
}

/** By how much the server's memory grows, at most, while streams push what it never reads. */
async function unreadMiB(
  server: Serving,
): Promise<{ readonly grown: number; readonly sent: number }> {
  const before = residentMiB(server.pid)
  let most = before
  const load = ['--streams', `${unreadStreams}`, '--bytes', `${2 ** 30}`, '--hold-ms', '8000']
  const upload = nodeClient<Upload>('upload-client.ts', ['--port', `${server.port}`, ...load])
  const ended = upload.then(() => true)
  while (!(await Promise.race([ended, delay(50, false)]))) {
    most = Math.max(most, residentMiB(server.pid))
  }
  return { grown: most - before, sent: (await upload).sent / 2 ** 20 }
}

export const bench = defineBench({
  name: 'rpc-window',
  about: `What flow control costs at a round trip of ${rttMs} ms, and what it saves`,
  claims: [
    {
      id: 'calls',
      about: `${concurrency} callers, 4 KB requests, against windows of 64 KB`,
      unit: 'x',
      target: { atLeast: 40 },
    },
    {
      id: 'upload',
      about: 'one stream of 64 MB against fixed windows of 1 MiB and 4 MiB',
      unit: 'x',
      target: { atLeast: 4 },
    },
    {
      id: 'unread',
      about: `memory that ${unreadStreams} unread streams take, budget ${budgetMiB} MiB`,
      unit: 'MiB',
      target: { atMost: Math.round(budgetMiB * 1.1) },
    },
  ],
  async run(ctx) {
    // The default of 500 streams would be the limit before the windows are.
    const streams = ['--streams', `${concurrency}`]
    await using tuned = await nodeServer('our-server.ts', streams)
    await using small = await nodeServer('our-server.ts', [...streams, '--windows', smallest])
    await using still = await nodeServer('our-server.ts', [...streams, '--windows', fixed])
    await using tunedRelay = await far(tuned)
    await using smallRelay = await far(small)
    await using stillRelay = await far(still)
    const calls = await ctx.alternate({
      measure: 'rate',
      unit: 'calls/s',
      rounds: 3,
      lanes: {
        'tuned windows': () => callRate(tunedRelay),
        '64 KB windows': () => callRate(smallRelay),
      },
    })
    ctx.ratio('calls', calls['tuned windows'], calls['64 KB windows'])
    const uploads = await ctx.alternate({
      measure: 'rate',
      unit: 'MB/s',
      rounds: 3,
      lanes: {
        'upload, tuned': () => uploadRate(tunedRelay),
        'upload, 1 MiB and 4 MiB': () => uploadRate(stillRelay),
      },
    })
    ctx.ratio('upload', uploads['upload, tuned'], uploads['upload, 1 MiB and 4 MiB'])
    await using holding = await nodeServer('our-server.ts', ['--hold'])
    const { grown, sent } = await unreadMiB(holding)
    ctx.value('unread', grown)
    ctx.note(`the unread streams were given ${sent.toFixed(0)} MiB by their senders`)
    ctx.note(`${pinning}; the relay in a third process`)
  },
})
