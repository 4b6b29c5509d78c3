import type { TestContext } from 'node:test'
import type { HostAddress } from '../../src/balance/index.ts'
import type { ClusterSettings } from '../../src/configuration/cluster-directory.ts'
import {
  ClusterRegistry,
  type ClusterRegistryOptions,
  type ClusterSpec,
  type RunningCluster,
  type UpstreamCall,
  type UpstreamFailure,
  type UpstreamHandler,
  type UpstreamRequest,
} from '../../src/upstream/index.ts'

const plain: UpstreamRequest = {
  method: 'GET',
  scheme: 'http',
  target: '/',
  host: 'web.example',
  headers: [],
  bodyLength: 0,
  upgrade: '',
  acceptsTrailers: false,
  hash: -1,
  attemptMs: 5000,
  deadline: Infinity,
  idleMs: 5000,
  retry: undefined,
}

export function request(changes: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return { ...plain, ...changes }
}

export function retryOn(
  codes: readonly number[],
  changes: Partial<NonNullable<UpstreamRequest['retry']>> = {},
): NonNullable<UpstreamRequest['retry']> {
  const table = new Uint8Array(600)
  for (const code of codes) table[code] = 1
  return {
    attempts: 2,
    codes: table,
    backoffMs: 0,
    evenUnsafe: false,
    bufferBytes: 65_536,
    ...changes,
  }
}

/** What became of one call. */
export class Outcome implements UpstreamHandler {
  readonly informational: number[] = []
  status = 0
  headers: readonly string[] = []
  bodyLength = -2
  body = ''
  trailers: readonly string[] | undefined = undefined
  failure: UpstreamFailure | undefined = undefined
  writable = 0
  /** Ends and failures: never more than one. */
  ends = 0
  /** A test's own part in it. */
  react: ((call: UpstreamCall, event: string) => void) | undefined = undefined
  #wake: () => void = () => undefined

  get over(): boolean {
    return this.ends > 0
  }

  onInformational(_: UpstreamCall, status: number): void {
    this.informational.push(status)
  }
  onResponse(
    call: UpstreamCall,
    status: number,
    headers: readonly string[],
    bodyLength: number,
  ): void {
    if (this.status !== 0 || this.over) throw new Error('a second response')
    this.status = status
    this.headers = headers
    this.bodyLength = bodyLength
    this.#tell(call, 'response')
  }
  onBody(call: UpstreamCall, chunk: Buffer): void {
    if (this.over) throw new Error('a body behind the end')
    this.body += chunk.toString('latin1')
    this.#tell(call, 'body')
  }
  onEnd(call: UpstreamCall, trailers: readonly string[]): void {
    this.trailers = trailers
    this.ends++
    this.#tell(call, 'end')
  }
  onWritable(call: UpstreamCall): void {
    this.writable++
    this.#tell(call, 'writable')
  }
  onFailure(call: UpstreamCall, failure: UpstreamFailure): void {
    this.failure = failure
    this.ends++
    this.#tell(call, 'failure')
  }

  #tell(call: UpstreamCall, event: string): void {
    this.react?.(call, event)
    this.#wake()
  }

  /** Waits until the condition holds; it is looked at after each event. */
  async until(done: () => boolean): Promise<this> {
    while (!done()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this
  }

  done(): Promise<this> {
    return this.until(() => this.over)
  }
}

export interface Rig {
  readonly registry: ClusterRegistry
  readonly cluster: RunningCluster
  /** Sends without a body, or with this one at once, and waits for the outcome. */
  readonly get: (changes?: Partial<UpstreamRequest>, body?: string) => Promise<Outcome>
}

/** A cluster of hosts on loopback ports. */
export function rig(
  t: TestContext,
  ports: readonly number[],
  spec: ClusterSpec = {},
  options: ClusterRegistryOptions & { readonly settings?: Partial<ClusterSettings> } = {},
): Rig {
  const registry = new ClusterRegistry(options)
  t.after(() => registry.close())
  const name = 'default/web:80'
  registry.configure(name, { protocol: 'http1', tls: undefined, spec, ...options.settings })
  registry.setHosts(name, ports.map(local))
  const cluster = registry.open(name)
  return {
    registry,
    cluster,
    get(changes = {}, body) {
      const outcome = new Outcome()
      const length = body === undefined ? 0 : body.length
      const call = cluster.send(request({ bodyLength: length, ...changes }), outcome)
      if (body !== undefined) call.write(Buffer.from(body, 'latin1'))
      call.end()
      return outcome.done()
    },
  }
}

export function local(port: number): HostAddress {
  return { address: '127.0.0.1', port }
}

/** Waits until the condition holds, a turn of the loop at a time. */
export async function turns(done: () => boolean): Promise<void> {
  while (!done()) await new Promise<void>((resolve) => setImmediate(resolve))
}
