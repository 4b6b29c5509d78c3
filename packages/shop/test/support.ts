import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { openShop, type Shop, type ShopOptions } from '@tidemill/shop'

/** A fresh folder; whoever closes what lives in it removes it. */
export function newDir(): string {
  return mkdtempSync(path.join(tmpdir(), 'tidemill-shop-'))
}

/** A folder that is gone after the test, for files that nothing holds open then. */
export function tempDir(t: Pick<TestContext, 'after'>): string {
  const dir = newDir()
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A shop without declines or delays; closed after the test, and its folder removed. */
export async function startShop(
  t: TestContext,
  options: Partial<ShopOptions> = {},
): Promise<{ readonly shop: Shop; readonly api: Api; readonly dataDir: string }> {
  const dataDir = options.dataDir ?? newDir()
  const shop = await openShop({ provider: { declineRatio: 0, delay: '0s' }, ...options, dataDir })
  t.after(async () => {
    await shop.close()
    rmSync(dataDir, { recursive: true })
  })
  return { shop, api: apiOf(shop), dataDir }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  readonly body: any
}

export interface CallOptions {
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, in place of `body` as JSON. */
  readonly raw?: string | Uint8Array
}

export interface Api {
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>
}

/** Calls the service whose path it is, as a gateway would. */
export function apiOf(shop: Shop): Api {
  return {
    async call(method, where, body, { key, headers = {}, raw } = {}) {
      const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
      const response = await fetch(`${urlFor(shop, where)}${where}`, {
        method,
        headers: {
          ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...headers,
        },
        ...(payload === undefined ? {} : { body: payload as NonNullable<RequestInit['body']> }),
      })
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      }
    },
  }
}

function urlFor(shop: Shop, where: string): string {
  const service = where.startsWith('/catalogue') ? 'catalogue' : 'order'
  return shop.endpoints.find((endpoint) => endpoint.service === service)?.url ?? ''
}

/** One address in front of both services, which the demo needs. */
export async function openFront(
  shop: Shop,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const agent = new Agent({ keepAlive: true })
  const server = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? '/', urlFor(shop, incoming.url ?? '/'))
    const call = request(
      target,
      { agent, method: incoming.method ?? 'GET', headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      },
    )
    call.on('error', () => outgoing.destroy())
    incoming.pipe(call)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        agent.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export const sampleOrder = {
  customer: '17850',
  country: 'United Kingdom',
  currency: 'GBP',
  placedAt: '2011-11-01T08:16:00Z',
  lines: [
    { sku: 'TM-MUG', description: 'Stoneware mug', quantity: 3, unitPrice: 895 },
    { sku: 'TM-ROPE', quantity: 2, unitPrice: 650 },
  ],
}

/** The file of one real week, if the data is beside the checkout or where TIDEMILL_DATA says. */
export function realWeek(): string | undefined {
  const root =
    process.env['TIDEMILL_DATA'] ?? path.resolve(import.meta.dirname, '../../../../shared/data')
  const file = path.join(root, 'online-retail/online-retail-2011-11-01_07.csv')
  return existsSync(file) ? file : undefined
}

/** Places the sample order under this id, which is its key too. */
export async function place(api: Api, id: string, change: object = {}): Promise<void> {
  const answer = await api.call('POST', '/orders', { ...sampleOrder, id, ...change }, { key: id })
  assert.equal(answer.status, 202, JSON.stringify(answer.body))
}

export async function assertSound(shop: Shop): Promise<void> {
  const broken = (await shop.invariants()).filter((invariant) => !invariant.holds)
  assert.deepEqual(broken, [])
}
