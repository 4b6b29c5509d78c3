import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import {
  type Clock,
  createSeededRandom,
  type Logger,
  realClock,
  type TidemillError,
} from '@tidemill/core'
import {
  type ConnectionFacts,
  createDataPlane,
  type DataPlane,
  type DirectAnswer,
  type ExchangeFacts,
  type Forwarding,
  type ListenerResolver,
  type Passage,
  type RefusedHead,
  type RequestView,
  type Traffic,
} from '../../src/dataplane/index.ts'
import { gatewayErrors } from '../../src/errors.ts'
import {
  defaultListenerSettings,
  type ListenerPlan,
  type ListenerSettings,
} from '../../src/listener/listener-plan.ts'
import type { Cluster } from '../../src/upstream/cluster.ts'
import { ClusterRegistry } from '../../src/upstream/index.ts'

/** How one request was told to the control side. */
export interface Told {
  readonly view: RequestView | RefusedHead
  readonly heads: number[]
  readonly settled: string[]
  released: boolean
  status: number
  flag: string
  code: string | undefined
  facts: ExchangeFacts | undefined
  finishes: number
}

/** What a fake decision is made of; the rest has defaults that forward to the upstream. */
export interface Decision {
  forward?: Partial<Forwarding>
  answer?: DirectAnswer
  error?: TidemillError
  retryAfter?: number
  answerHeaders?: readonly string[]
  wait?: (decided: () => void) => void
}

export interface Rig {
  readonly plane: DataPlane
  readonly port: number
  readonly told: Told[]
  readonly clusters: ClusterRegistry
  readonly cluster: Cluster
  readonly logged: string[]
  decide: (view: RequestView) => Decision
  resolve: ListenerResolver['resolve']
  facts: Partial<ConnectionFacts>
  /** A raw client. */
  client(): RawPeer
}

export const failures: Uint8Array = new Uint8Array(600)
for (const status of [500, 502, 503, 504]) failures[status] = 1

export const plainListener: ListenerPlan = {
  gateway: 'default/gw',
  name: 'http',
  protocol: 'HTTP',
  port: 80,
  hostname: '',
  tls: undefined,
  router: undefined as never,
  streams: [],
  settings: defaultListenerSettings,
}

/** A Traffic that records, and decides as the rig says. */
export function fakeTraffic(
  told: Told[],
  cluster: () => Cluster,
  decide: (view: RequestView) => Decision,
): Traffic {
  return {
    begin(view) {
      const record: Told = {
        view,
        heads: [],
        settled: [],
        released: false,
        status: -1,
        flag: '',
        code: undefined,
        facts: undefined,
        finishes: 0,
      }
      told.push(record)
      const decision = decide(view)
      const forwarding: Forwarding = {
        cluster: cluster(),
        target: view.target,
        host: view.host,
        requestHeaders: [],
        responseHeaders: [],
        addedHeaders: [],
        requestMs: 15_000,
        backendMs: 5000,
        idleMs: 300_000,
        maxBodyBytes: 10 * 1024 * 1024,
        retry: undefined,
        hash: -1,
        mirrors: [],
        upgrade: true,
        failures,
        ...decision.forward,
      }
      const local = decision.answer !== undefined || decision.error !== undefined
      const passage: Passage = {
        forward: local ? undefined : forwarding,
        answer: decision.answer,
        error: decision.error,
        wait: decision.wait,
        retryAfter: decision.retryAfter ?? 0,
        answerHeaders: decision.answerHeaders ?? [],
        head: (status) => void record.heads.push(status),
        settle: (outcome) => void record.settled.push(outcome),
        finish(status, flag, facts, error) {
          record.finishes++
          record.status = status
          record.flag = flag
          record.facts = {
            bytesIn: facts.bytesIn,
            bytesOut: facts.bytesOut,
            attempts: facts.attempts,
            host: facts.host,
          }
          record.code = error?.code
        },
        release() {
          record.released = true
        },
        failure(flag, reason) {
          if (flag === 'UT') return gatewayErrors.error('TM_GATEWAY_TIMEOUT', { route: 'r', ms: 1 })
          if (flag === 'UH') return gatewayErrors.error('TM_GATEWAY_NO_ENDPOINT', { route: 'r' })
          if (flag === 'UO')
            return gatewayErrors.error('TM_GATEWAY_OVERLOADED', { route: 'r', limit: 1 })
          return gatewayErrors.error('TM_GATEWAY_UPSTREAM', { route: 'r', reason })
        },
      }
      return passage
    },
    refuse(view, error, flag) {
      told.push({
        view,
        heads: [],
        settled: [],
        released: false,
        status: error.http,
        flag,
        code: error.code,
        facts: undefined,
        finishes: 1,
      })
    },
  }
}

export interface RigOptions {
  readonly clock?: Clock
  readonly settings?: Partial<ListenerSettings>
  /** How the upstream is spoken to; default `http1`. */
  readonly protocol?: 'http1' | 'h2'
}

/** A data plane behind a socket of 127.0.0.1; its cluster asks the raw upstream at `upstreamPort`. */
export async function openRig(
  t: TestContext,
  upstreamPort: number,
  options: RigOptions = {},
): Promise<Rig> {
  const told: Told[] = []
  const random = createSeededRandom(1)
  const clusters = new ClusterRegistry({ clock: options.clock ?? realClock, random })
  const cluster = clusters.open('default/web:80')
  clusters.configure(cluster.name, {
    spec: undefined,
    tls: undefined,
    protocol: options.protocol ?? 'http1',
  })
  clusters.setHosts(cluster.name, [{ address: '127.0.0.1', port: upstreamPort }])
  const settings = { ...defaultListenerSettings, ...options.settings }
  const logged: string[] = []
  const logger: Logger = {
    log: (_level, message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`),
  }
  let ids = 0
  const plane = createDataPlane({
    traffic: fakeTraffic(
      told,
      () => cluster,
      (view) => rig.decide(view),
    ),
    clock: options.clock ?? realClock,
    logger,
    random,
    pseudonym: 'tidemill-test',
    makeRequestId: () => `id-${++ids}`,
  })
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    plane.accept(socket, {
      protocol: 'sniff',
      peer: undefined,
      port: 80,
      settings,
      listeners: { resolve: (host, name) => rig.resolve(host, name) },
      ...rig.facts,
    })
  })
  const port = await listening(server)
  const rig: Rig = {
    plane,
    port,
    told,
    clusters,
    cluster,
    logged,
    decide: () => ({}),
    resolve: () => plainListener,
    facts: {},
    client: () =>
      new RawPeer(t, connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })),
  }
  t.after(async () => {
    server.close()
    await plane.close()
    await clusters.close()
  })
  return rig
}

/** The last request that was decided about. */
export function viewOf(rig: Rig): RequestView {
  const view = rig.told.at(-1)?.view
  if (view === undefined || !('headers' in view)) throw new Error('no request was decided about')
  return view
}

export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

/** One raw connection: writes bytes and collects what comes. */
export class RawPeer {
  readonly socket: Socket
  text = ''
  ended = false
  closed = false
  error: string | undefined = undefined
  readonly #watchers = new Set<() => void>()

  constructor(t: TestContext, socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
      this.#wake()
    })
    socket.on('end', () => {
      this.ended = true
      this.#wake()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code
    })
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
    t.after(() => socket.destroy())
  }

  send(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Resolves when the condition holds for what has come so far; rejects after five seconds. */
  until(what: string | ((text: string) => boolean)): Promise<string> {
    const holds = typeof what === 'string' ? (text: string) => text.includes(what) : what
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!holds(this.text)) return
        this.#watchers.delete(check)
        limit.cancel()
        resolve(this.text)
      }
      const limit = realClock.timer(5000, () => {
        this.#watchers.delete(check)
        reject(
          new Error(`waited for ${String(what)} in ${JSON.stringify(this.text.slice(0, 2000))}`),
        )
      })
      this.#watchers.add(check)
      check()
    })
  }

  untilEnded(): Promise<string> {
    return this.until(() => this.ended || this.closed)
  }

  untilClosed(): Promise<string> {
    return this.until(() => this.closed)
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher()
  }
}

export interface RawUpstream {
  readonly port: number
  /** Connections so far. */
  readonly peers: RawPeer[]
  /** Called with each connection. */
  serve: (peer: RawPeer) => void
  next(): Promise<RawPeer>
}

/** A server whose every byte is the test's. */
export async function openUpstream(
  t: TestContext,
  serve: (peer: RawPeer) => void = () => undefined,
): Promise<RawUpstream> {
  const peers: RawPeer[] = []
  const waiting: ((peer: RawPeer) => void)[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = new RawPeer(t, socket)
    peers.push(peer)
    upstream.serve(peer)
    waiting.shift()?.(peer)
  })
  const port = await listening(server)
  t.after(() => {
    server.close()
  })
  const upstream: RawUpstream = {
    port,
    peers,
    serve,
    next: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
      }),
  }
  return upstream
}

/** Answers every whole request (without a body, or with one of known length) by the same bytes. */
export function replying(answer: string | ((head: string) => string)): (peer: RawPeer) => void {
  return (peer) => {
    peer.socket.on('data', () => {
      for (;;) {
        const end = peer.text.indexOf('\r\n\r\n')
        if (end < 0) return
        const head = peer.text.slice(0, end + 4)
        const length = Number(/content-length: (\d+)/u.exec(head)?.[1] ?? 0)
        if (peer.text.length < end + 4 + length) return
        peer.text = peer.text.slice(end + 4 + length)
        peer.send(typeof answer === 'string' ? answer : answer(head))
      }
    })
  }
}

export const hello = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
