/**
 * Keeps a gateway busy over connections that live: `node kept-load.ts --port N --requests N` sends at least so many, goes
 * on until SIGTERM, and prints JSON. Clients are Node's own: node:http with keep-alive and node:http2; nothing is sent
 * twice, so every reset of a request counts.
 */
import http from 'node:http'
import http2 from 'node:http2'
import { parseArgs } from 'node:util'

export interface KeptFigures {
  readonly sent: number
  readonly failed: number
  readonly reconnects: number
  readonly faults: Readonly<Record<string, number>>
}

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    requests: { type: 'string', default: '1000' },
    // Longest that it runs without a signal.
    seconds: { type: 'string', default: '300' },
  },
})
const least = Number(values.requests)
const faults: Record<string, number> = {}
let sent = 0
let failed = 0
let connections = 0
let enough = false
process.once('SIGTERM', () => {
  enough = true
})
setTimeout(() => {
  enough = true
}, Number(values.seconds) * 1000).unref()

function more(): boolean {
  return !enough || sent < least
}

function fail(what: string): void {
  failed++
  faults[what] = (faults[what] ?? 0) + 1
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 32 })

/** Never rejects. */
function get(): Promise<void> {
  return new Promise((resolve) => {
    const request = http.get(
      { port: values.port, host: '127.0.0.1', path: '/x', agent },
      (response) => {
        if (response.statusCode !== 200) fail(`http ${response.statusCode}`)
        response.on('error', (error) => fail(`http body ${error.message}`))
        response.on('close', resolve)
        response.resume()
      },
    )
    request.on('socket', (socket) => {
      if (socket.connecting) connections++
    })
    request.on('error', (error) => {
      fail(`http ${error.message}${request.reusedSocket ? ' (reused)' : ''}`)
      resolve()
    })
  })
}

/** One connection of HTTP/2 that is replaced when the peer says that it goes away. */
class Session {
  #session: http2.ClientHttp2Session | undefined
  readonly #answered = new WeakSet<http2.ClientHttp2Session>()

  get(): Promise<void> {
    const session = this.#open()
    const first = !this.#answered.has(session)
    return new Promise((resolve) => {
      const stream = session.request({ ':path': '/x' })
      let status: number | undefined
      stream.on('response', (head) => {
        status = head[':status']
        this.#answered.add(session)
      })
      stream.on('error', (error) => {
        const when = session.closed || session.destroyed ? 'after GOAWAY' : 'before GOAWAY'
        fail(`h2 ${error.message} (${first ? 'new connection' : 'used connection'}, ${when})`)
      })
      stream.on('close', () => {
        if (status !== 200 && stream.rstCode === 0) fail(`h2 ${status ?? 'no answer'}`)
        resolve()
      })
      stream.resume()
    })
  }

  close(): void {
    this.#session?.close()
  }

  #open(): http2.ClientHttp2Session {
    const known = this.#session
    if (known !== undefined && !known.closed && !known.destroyed) return known
    const session = http2.connect(`http://127.0.0.1:${values.port}`)
    connections++
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined
    }
    session.on('goaway', forget)
    session.on('close', forget)
    // Its streams say it too.
    session.on('error', forget)
    this.#session = session
    return session
  }
}

async function loop(one: () => Promise<void>): Promise<void> {
  while (more()) {
    sent++
    await one()
  }
}

const sessions = Array.from({ length: 4 }, () => new Session())
await Promise.all([
  ...Array.from({ length: 32 }, () => loop(get)),
  ...sessions.flatMap((session) => Array.from({ length: 8 }, () => loop(() => session.get()))),
])
for (const session of sessions) session.close()
agent.destroy()
const figures: KeptFigures = { sent, failed, reconnects: connections - 36, faults }
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0))
