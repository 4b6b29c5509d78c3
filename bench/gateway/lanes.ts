/** The gateway and its peers as processes of their own on the first core; load and upstream on the second. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { binaries } from '../../scripts/engines/require.ts'
import { freePort } from '../../scripts/engines/start.ts'
import { finish, serve, type Serving } from '../../scripts/lib/child.ts'
import type { KeptFigures } from './kept-load.ts'

const cores = os.availableParallelism()
const proxyCore = cores > 1 ? 0 : undefined
const loadCore = cores > 1 ? 1 : undefined

/** Longest that a load without an end of its own goes on. */
const keptLoadMs = 300_000

/** For a bench's notes. */
export const pinning: string =
  cores > 1
    ? 'the proxy on core 0, wrk and the upstream on core 1'
    : 'one core for everything: ratios mean little'

/** The body that the upstream answers with: 101 bytes. */
const body = `${'tidemill '.repeat(11)}ok`

function pinned(core: number | undefined): { readonly core?: number } {
  return core === undefined ? {} : { core }
}

/** Everything that one run started, stopped together. */
export class Lanes implements AsyncDisposable {
  readonly dir: string
  readonly #serving: Serving[] = []
  #load: ChildProcess | undefined = undefined

  private constructor(dir: string) {
    this.dir = dir
  }

  static async open(): Promise<Lanes> {
    return new Lanes(await mkdtemp(path.join(os.tmpdir(), 'tidemill-gateway-bench-')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#load?.kill('SIGKILL')
    await Promise.all(this.#serving.map((one) => one.stop()))
    await rm(this.dir, { recursive: true, force: true })
  }

  /** nginx that answers every request by itself: the upstream of every lane. */
  async upstream(): Promise<Serving> {
    const port = await freePort()
    return this.#nginx('upstream', port, `location / { return 200 "${body}"; }`, loadCore)
  }

  async nginx(upstream: number): Promise<Serving> {
    const port = await freePort()
    const pool = `upstream web { server 127.0.0.1:${upstream}; keepalive 128; keepalive_requests 1000000000; }`
    const location =
      'location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; }'
    return this.#nginx('nginx', port, location, proxyCore, pool)
  }

  async envoy(upstream: number): Promise<Serving> {
    const port = await freePort()
    const file = path.join(this.dir, 'envoy.json')
    await writeFile(file, JSON.stringify(envoyConfig(port, upstream, 'http1')))
    return this.#envoy(file, port)
  }

  /** Envoy with h2c on both sides. */
  async envoyGrpc(upstream: number): Promise<Serving> {
    const port = await freePort()
    const file = path.join(this.dir, 'envoy-grpc.json')
    await writeFile(file, JSON.stringify(envoyConfig(port, upstream, 'h2c')))
    return this.#envoy(file, port)
  }

  async caddy(upstream: number): Promise<Serving> {
    const port = await freePort()
    const file = path.join(this.dir, 'Caddyfile')
    const site = `http://127.0.0.1:${port} {\n  reverse_proxy 127.0.0.1:${upstream}\n}\n`
    await writeFile(file, `{\n  admin off\n  auto_https off\n}\n${site}`)
    const { caddy = 'caddy' } = binaries('caddy')
    const env = { HOME: this.dir, XDG_DATA_HOME: this.dir, GOMAXPROCS: '1' }
    const args = ['run', '--config', file, '--adapter', 'caddyfile']
    return this.#keep(serve(caddy, args, port, { ...pinned(proxyCore), env }))
  }

  /** gorilla/mux in front of net/http's ReverseProxy, with one route. */
  async mux(upstream: number): Promise<Serving> {
    const port = await freePort()
    const { 'mux-proxy': file = '' } = binaries('peers')
    const args = ['-listen', `127.0.0.1:${port}`, '-route', `/=http://127.0.0.1:${upstream}`]
    return this.#keep(serve(file, args, port, { ...pinned(proxyCore), env: { GOMAXPROCS: '1' } }))
  }

  async grpcGo(upstream: number): Promise<Serving> {
    const port = await freePort()
    const { 'grpc-proxy': file = '' } = binaries('peers')
    const args = ['-listen', `127.0.0.1:${port}`, '-backend', `127.0.0.1:${upstream}`]
    return this.#keep(serve(file, args, port, { ...pinned(proxyCore), env: { GOMAXPROCS: '1' } }))
  }

  /** A program of this folder that takes `--port`. */
  async program(name: string, args: readonly string[]): Promise<Serving> {
    const port = await freePort()
    const file = path.resolve(import.meta.dirname, name)
    const all = [...process.execArgv, file, '--port', `${port}`, ...args]
    return this.#keep(serve(process.execPath, all, port, pinned(proxyCore)))
  }

  /** As {@link program}, on all cores: for a gateway of several workers. */
  async unpinned(name: string, args: readonly string[]): Promise<Serving> {
    const port = await freePort()
    const file = path.resolve(import.meta.dirname, name)
    const all = [...process.execArgv, file, '--port', `${port}`, ...args]
    return this.#keep(serve(process.execPath, all, port))
  }

  /** grpc-go's benchmark server on the second core; it listens on all interfaces. */
  async grpcServer(): Promise<Serving> {
    const port = await freePort()
    const { 'benchmark-server': file = '' } = binaries('grpc')
    const name = `tidemill-bench-${process.pid}-upstream`
    const server = await serve(
      file,
      [`-port=${port}`, `-test_name=${name}`],
      port,
      pinned(loadCore),
    )
    // It insists on writing profiles below /tmp.
    for (const kind of ['cpu', 'mem']) await rm(`/tmp/${name}.${kind}`, { force: true })
    this.#serving.push(server)
    return server
  }

  /** Begins `kept-load.ts`; it ends after {@link enoughLoad}, when that many requests were sent. */
  async keptLoad(proxy: Serving, requests: number): Promise<KeptFigures> {
    const file = path.join(import.meta.dirname, 'kept-load.ts')
    const numbers = ['--port', `${proxy.port}`, '--requests', `${requests}`]
    const limit = ['--seconds', `${keptLoadMs / 1000}`]
    const child = spawn(process.execPath, [...process.execArgv, file, ...numbers, ...limit], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#load = child
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`kept-load.ts ended with ${code}`)
    return JSON.parse(printed) as KeptFigures
  }

  enoughLoad(): void {
    this.#load?.kill('SIGTERM')
  }

  #envoy(file: string, port: number): Promise<Serving> {
    const { envoy = 'envoy' } = binaries('envoy')
    const args = ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error']
    return this.#keep(serve(envoy, args, port, pinned(proxyCore)))
  }

  async #nginx(
    name: string,
    port: number,
    location: string,
    core: number | undefined,
    pool = '',
  ): Promise<Serving> {
    const { nginx = 'nginx' } = binaries('nginx')
    const file = path.join(this.dir, `${name}.conf`)
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${this.dir}/${name}-${kind};`)
      .join(' ')
    const server = `server { listen 127.0.0.1:${port} backlog=1024; keepalive_requests 1000000000; ${location} }`
    const http = `http { access_log off; ${folders} ${pool} ${server} }`
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    const text = `${user} daemon off; master_process off; worker_processes 1; pid ${this.dir}/${name}.pid; error_log stderr error; events { worker_connections 4096; } ${http}\n`
    await writeFile(file, text)
    return this.#keep(serve(nginx, ['-p', this.dir, '-c', file], port, pinned(core)))
  }

  async #keep(starting: Promise<Serving>): Promise<Serving> {
    const serving = await starting
    this.#serving.push(serving)
    return serving
  }
}

function envoyConfig(port: number, upstream: number, protocol: 'http1' | 'h2c'): unknown {
  const type = (name: string): string => `type.googleapis.com/envoy.${name}`
  const http2 =
    protocol === 'http1'
      ? {}
      : {
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': type('extensions.upstreams.http.v3.HttpProtocolOptions'),
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        }
  const manager = {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'main',
    codec_type: protocol === 'http1' ? 'HTTP1' : 'HTTP2',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'web' } }],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': type('extensions.filters.http.router.v3.Router') },
      },
    ],
  }
  const address = (at: number): unknown => ({
    socket_address: { address: '127.0.0.1', port_value: at },
  })
  const limits = { max_connections: 4096, max_pending_requests: 4096, max_requests: 4096 }
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }]
  return {
    static_resources: {
      listeners: [
        {
          name: 'main',
          address: address(port),
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.http_connection_manager',
                  typed_config: manager,
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'web',
          type: 'STATIC',
          connect_timeout: '1s',
          circuit_breakers: { thresholds: [limits] },
          load_assignment: { cluster_name: 'web', endpoints },
          ...http2,
        },
      ],
    },
  }
}

/** User and system time of a process and its children, microseconds. */
export function cpuMicros(pid: number): number {
  let sum = 0
  for (const one of [pid, ...children(pid)]) {
    // Fields 14 and 15, in ticks of 10 ms; the name in field 2 may hold spaces.
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    sum += (Number(fields[11]) + Number(fields[12])) * 10_000
  }
  return sum
}

function children(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  )
}

/** What one slice of wrk gave. */
export interface LoadFigures {
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the proxy's processes. */
  readonly cpuUs: number
}

/** Loads a proxy with wrk from the second core: 64 keep-alive connections. */
export async function load(
  proxy: Serving,
  target: string,
  seconds: number,
  more: readonly string[] = [],
): Promise<LoadFigures> {
  const { wrk = 'wrk' } = binaries('wrk')
  const before = cpuMicros(proxy.pid)
  const url = `http://127.0.0.1:${proxy.port}${target}`
  const args = ['-t1', '-c64', `-d${seconds}s`, '--latency', ...more, url]
  const { stdout, stderr, code } = await finish(wrk, args, {
    timeoutMs: (seconds + 20) * 1000,
    ...pinned(loadCore),
  })
  const used = cpuMicros(proxy.pid) - before
  if (code !== 0 || /Non-2xx|Socket errors/u.test(stdout)) {
    throw new Error(`wrk on ${target}: ${stdout}${stderr}${proxy.log()}`)
  }
  const requests = Number(/(\d+) requests in/u.exec(stdout)?.[1])
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/u.exec(stdout)?.[1]),
    p50Ms: percentile(stdout, '50'),
    p99Ms: percentile(stdout, '99'),
    cpuUs: used / requests,
  }
}

function percentile(report: string, name: string): number {
  const [, number, unit] = new RegExp(`${name}%\\s+([\\d.]+)(us|ms|s)`, 'u').exec(report) ?? []
  const scale = unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1
  return Number(number) * scale
}

/** What the open loop saw. */
export interface SteadyFigures {
  /** Answered, whatever the status. */
  readonly requests: number
  /** Answered with 429. */
  readonly refused: number
  readonly errors: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** From the first request to the last answer. */
  readonly elapsedMs: number
}

/** Sends at a fixed rate from the second core, each request timed from when it was due. */
export function steadyLoad(
  proxy: Serving,
  target: string,
  rate: number,
  seconds: number,
): Promise<SteadyFigures> {
  return openLoop(proxy, target, rate, ['--seconds', `${seconds}`], seconds)
}

/** Likewise without a warm-up, for a limit that refuses some. */
export async function limitedLoad(
  proxy: Serving,
  rate: number,
  seconds: number,
): Promise<SteadyFigures & { readonly admitted: number }> {
  const figures = await openLoop(
    proxy,
    '/x',
    rate,
    ['--seconds', `${seconds}`, '--warmup', '0'],
    seconds,
  )
  return { ...figures, admitted: figures.requests - figures.refused }
}

async function openLoop(
  proxy: Serving,
  target: string,
  rate: number,
  more: readonly string[],
  seconds: number,
): Promise<SteadyFigures> {
  const file = path.join(import.meta.dirname, 'open-loop.ts')
  const numbers = ['--port', `${proxy.port}`, '--rate', `${Math.round(rate)}`]
  const args = [...process.execArgv, file, ...numbers, '--target', target, ...more]
  const run = await finish(process.execPath, args, {
    timeoutMs: (seconds + 30) * 1000,
    ...pinned(loadCore),
  })
  if (run.code !== 0) throw new Error(`open loop on ${target}: ${run.stdout}${run.stderr}`)
  return JSON.parse(run.stdout) as SteadyFigures
}
