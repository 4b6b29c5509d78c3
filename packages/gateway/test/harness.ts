import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect, type Server } from 'node:net'
import { createCloseStack, createVirtualClock, type VirtualClock } from '@tidemill/core'
import {
  type Gateway,
  type GatewayOptions,
  type HttpRoute,
  openGateway,
  type RoutePolicy,
  type RoutePolicySpec,
} from '@tidemill/gateway'
import { type Kv, openKv } from '@tidemill/kv'

export interface Harness extends AsyncDisposable {
  readonly gateway: Gateway
  readonly kv: Kv
  readonly clock: VirtualClock
  /** Requests that reached the backend, newest last. */
  readonly seen: {
    readonly method: string
    readonly url: string
    readonly headers: IncomingMessage['rawHeaders']
  }[]
  /** What the backend does; replace it as a test goes on. */
  answer: RequestListener
  get(path: string, init?: RequestInit): Promise<Response>
  /** Runs when the harness is disposed of. */
  defer(close: () => void): void
}

/** A gateway on virtual time with one backend `shop/order` and the route /orders to it. */
export async function openHarness(options: Partial<GatewayOptions> = {}): Promise<Harness> {
  const stack = createCloseStack()
  const clock = createVirtualClock()
  const seen: Harness['seen'] = []
  const server = createServer((req, res) => {
    seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.rawHeaders })
    harness.answer(req, res)
  })
  const url = await listen(server)
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const kv = stack.add(await openKv({ url: 'sqlite::memory:' }))
  const gateway = await openGateway({
    kv,
    listen: { port: 0 },
    backends: { 'shop/order': [url] },
    clock,
    ...options,
  })
  stack.defer(() => passing(clock, gateway.close()))
  await gateway.putRoute(orderRoute())
  const harness: Harness = {
    gateway,
    kv,
    clock,
    seen,
    answer: echo,
    get: (path, init) => fetch(gateway.url + path, { redirect: 'manual', ...init }),
    defer: (close) => stack.defer(close),
    [Symbol.asyncDispose]: () => stack.close(),
  }
  return harness
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function orderRoute(
  rule: NonNullable<HttpRoute['spec']['rules']>[number] = {},
  name = 'order',
): HttpRoute {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'shop' },
    spec: {
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/orders' } }],
          backendRefs: [{ name: 'order', port: 80 }],
          ...rule,
        },
      ],
    },
  }
}

export function policy(spec: Omit<RoutePolicySpec, 'targetRefs'>, name = 'order'): RoutePolicy {
  return {
    apiVersion: 'gateway.tidemill.dev/v1',
    kind: 'RoutePolicy',
    metadata: { name, namespace: 'shop' },
    spec: {
      targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'order' }],
      ...spec,
    },
  }
}

/** Answers with what it got. */
export function echo(req: IncomingMessage, res: ServerResponse): void {
  const chunks: Buffer[] = []
  req.on('data', (chunk: Buffer) => chunks.push(chunk))
  req.on('end', () => {
    res.setHeader('Content-Type', 'application/json')
    res.end(
      JSON.stringify({
        method: req.method,
        url: req.url,
        headers: req.headers,
        body: Buffer.concat(chunks).length,
      }),
    )
  })
}

export function fails(status: number): RequestListener {
  return (req, res) => {
    req.resume()
    res.statusCode = status
    res.end()
  }
}

/** Sends bytes on a bare connection and gives everything that comes back until it is closed. */
export function exchange(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}

/** The TM_ code in a problem document. */
export async function codeOf(response: Response): Promise<string> {
  const body = (await response.json()) as { readonly code: string; readonly status: number }
  if (body.status !== response.status)
    throw new Error(`status ${body.status} in ${response.status}`)
  return body.code
}

/** Resolves when the condition holds; looks again each turn of the event loop, and lets time pass when it has a clock. */
export async function until(condition: () => boolean, clock?: VirtualClock): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    await clock?.advance(5)
  }
}

/** Lets time pass until the promise is settled: what closes waits for timers that are due at once. */
export async function passing(clock: VirtualClock, promise: Promise<void>): Promise<void> {
  let settled = false
  const done = promise.finally(() => {
    settled = true
  })
  await Promise.all([done, until(() => settled, clock)])
}
