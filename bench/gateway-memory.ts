import { readFileSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Lanes, load, pinning } from './gateway/lanes.ts'
import { defineBench } from './lib/bench.ts'
import { median } from './lib/measure.ts'

/** As many as a listener takes by default. */
const connections = 10_000
/** Of them open before the first reading, so that code and pools are there. */
const early = 500
const soakSeconds = 60
const settleSeconds = 20

export const bench = defineBench({
  name: 'gateway-memory',
  about: `Resident memory of the gateway with ${connections} idle keep-alive connections, and over ${soakSeconds} s of full load`,
  claims: [
    {
      id: 'idle',
      about: 'an idle connection that has had one answer',
      unit: 'KB',
      target: { atMost: 15 },
    },
    {
      id: 'soak',
      about: `from the ${settleSeconds}th second of load to its end, medians of 10 s`,
      unit: '% more',
      target: { atMost: 5 },
    },
  ],
  async run(ctx) {
    ctx.note(pinning)
    await using lanes = await Lanes.open()
    const upstream = await lanes.upstream()
    const to = ['--upstream', `${upstream.port}`, '--policies', 'all']
    const idle = await lanes.program('our-gateway.ts', [
      ...to,
      '--access-log',
      `${lanes.dir}/a.log`,
    ])
    const sockets: net.Socket[] = []
    try {
      await open(idle.port, early, sockets)
      await delay(3000)
      const before = residentBytes(idle.pid)
      await open(idle.port, connections - early, sockets)
      await delay(3000)
      const more = residentBytes(idle.pid) - before
      const alive = sockets.filter((socket) => !socket.destroyed).length
      if (alive !== connections) throw new Error(`${alive} connections are open`)
      ctx.note(
        `${mib(before)} MiB with ${early} connections, ${mib(more)} MiB more with ${connections - early} more; kernel memory of the sockets is not in it`,
      )
      ctx.value('idle', more / (connections - early) / 1000)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    await idle.stop()

    const busy = await lanes.program('our-gateway.ts', [
      ...to,
      '--access-log',
      `${lanes.dir}/b.log`,
    ])
    const samples: number[] = []
    const timer = setInterval(() => samples.push(residentBytes(busy.pid)), 1000)
    const { rate } = await load(busy, '/r500/x', soakSeconds).finally(() => clearInterval(timer))
    const from = median(samples.slice(settleSeconds, settleSeconds + 10))
    const until = median(samples.slice(-10))
    ctx.note(
      `${mib(from)} MiB at ${settleSeconds} s, ${mib(until)} MiB at ${soakSeconds} s, most ${mib(Math.max(...samples))} MiB, ${rate.toFixed(0)} requests/s`,
    )
    ctx.value('soak', (until / from - 1) * 100)
  },
})

/** One address may not have all of the connections: they come from twenty, a hundred at a time. */
async function open(port: number, count: number, sockets: net.Socket[]): Promise<void> {
  for (let done = 0; done < count; done += 100) {
    const batch = Array.from({ length: Math.min(100, count - done) }, (_, i) =>
      connect(port, `127.0.0.${2 + (i % 20)}`),
    )
    sockets.push(...(await Promise.all(batch)))
  }
}

/** Resolves when it has had its answer. */
function connect(port: number, localAddress: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress })
    let text = ''
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the gateway closed an idle connection')))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (!text.endsWith('ok')) return
      if (text.startsWith('HTTP/1.1 200')) resolve(socket)
      else reject(new Error(text))
    })
    socket.write('GET /r500/x HTTP/1.1\r\nHost: bench\r\n\r\n')
  })
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/u.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
