import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type AdminServer, openAdminServer } from '../../src/admin/admin-server.ts'
import type { AdminRoute } from '../../src/admin/route-table.ts'
import { platformErrors } from '../../src/errors.ts'

const routes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/things/:id',
    summary: '',
    handle: ({ params }) => ({ schema: 'thing', data: params }),
  },
  {
    method: 'PUT',
    path: '/api/v1/kv/*key',
    summary: '',
    handle: ({ params, body }) => ({ schema: 'kv', data: { params, body } }),
  },
  {
    method: 'GET',
    path: '/api/v1/big',
    summary: '',
    handle: () => ({ schema: 'big', data: { id: 12_345_678_901_234_567_890n } }),
  },
  {
    method: 'GET',
    path: '/api/v1/fails',
    summary: '',
    handle: () => {
      throw new Error('password=secret')
    },
  },
  {
    method: 'GET',
    path: '/api/v1/missing',
    summary: '',
    handle: () => {
      throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'thing', id: 'x' })
    },
  },
]

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

describe('admin server', () => {
  let folder = ''
  let server: AdminServer
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'tidemill-admin-'))
    await mkdir(path.join(folder, 'console', 'assets'), { recursive: true })
    await writeFile(path.join(folder, 'console', 'index.html'), '<title>console</title>')
    await writeFile(path.join(folder, 'console', 'assets', 'app-1.js'), 'export {}')
    await writeFile(path.join(folder, 'secret.txt'), 'secret')
    server = await openAdminServer({
      host: '127.0.0.1',
      port: 0,
      routes,
      consoleDir: path.join(folder, 'console'),
    })
  })
  after(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })

  /** Plain node:http, because fetch neither sends a foreign Host nor an unnormalised path. */
  function ask(
    target: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> {
    const { hostname, port } = new URL(server.url)
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          hostname,
          port,
          path: target,
          method: options.method ?? 'GET',
          headers: options.headers ?? {},
        },
        (response) => {
          let text = ''
          response.on('data', (chunk: Buffer) => (text += chunk.toString()))
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          )
        },
      )
      sent.on('error', reject)
      sent.end(options.body)
    })
  }

  it('answers with schema and data, decoding parameters, and writes bigint as text', async () => {
    const { status, text } = await ask('/api/v1/things/a%2Fb')
    assert.equal(status, 200)
    assert.deepEqual(JSON.parse(text), { schema: 'thing', data: { id: 'a/b' } })
    assert.match((await ask('/api/v1/big')).text, /"12345678901234567890"/u)
  })
  it('gives the rest of the path to a rest parameter and the parsed body to the handler', async () => {
    const { text } = await ask('/api/v1/kv/%2Fa/b', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"value":"1"}',
    })
    assert.deepEqual(JSON.parse(text), {
      schema: 'kv',
      data: { params: { key: '/a/b' }, body: { value: '1' } },
    })
  })
  it('answers errors as problem documents: 404, 405 with what is allowed, 400 for malformed JSON', async () => {
    const missing = await ask('/api/v1/missing')
    assert.equal(missing.status, 404)
    assert.equal(missing.headers['content-type'], 'application/problem+json')
    assert.equal((JSON.parse(missing.text) as { code: string }).code, 'TM_PLATFORM_NOT_FOUND')
    const method = await ask('/api/v1/things/1', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(method.status, 405)
    assert.match(method.text, /TM_PLATFORM_METHOD/u)
    const broken = await ask('/api/v1/kv/a', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"value":',
    })
    assert.equal(broken.status, 400)
    assert.match(broken.text, /"line":1/u)
    const encoded = await ask('/api/v1/things/%E0%A4')
    assert.match(encoded.text, /TM_PLATFORM_REQUEST/u)
  })
  it('does not tell what failed inside', async () => {
    const { status, text } = await ask('/api/v1/fails')
    assert.equal(status, 500)
    assert.doesNotMatch(text, /secret/u)
  })
  it('refuses a foreign Host, a foreign Origin, and a write that is not JSON', async () => {
    const refused = [
      await ask('/api/v1/things/1', { headers: { host: 'evil.example' } }),
      await ask('/api/v1/things/1', { headers: { origin: 'http://evil.example' } }),
      await ask('/api/v1/kv/a', {
        method: 'PUT',
        headers: { 'content-type': 'text/plain' },
        body: '{}',
      }),
    ]
    for (const { status, text } of refused) {
      assert.equal(status, 403)
      assert.match(text, /TM_PLATFORM_FORBIDDEN/u)
    }
  })
  it('refuses a body over 1 MiB', async () => {
    const { status, text } = await ask('/api/v1/kv/a', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ value: 'x'.repeat(1_100_000) }),
    })
    assert.equal(status, 400)
    assert.match(text, /1048576 bytes/u)
  })
  it('serves the console with a strict policy, its pages by index.html, and nothing outside its folder', async () => {
    const index = await ask('/')
    assert.match(index.text, /console/u)
    assert.match(String(index.headers['content-security-policy']), /default-src 'self'/u)
    assert.equal((await ask('/orders/5')).text, index.text)
    assert.match(String((await ask('/assets/app-1.js')).headers['cache-control']), /immutable/u)
    assert.equal((await ask('/assets/none.js')).status, 404)
    for (const target of ['/../secret.txt', '/%2e%2e/secret.txt', '/assets/../../secret.txt']) {
      assert.doesNotMatch((await ask(target)).text, /^secret/u)
    }
    assert.equal((await ask('/api/v1/none')).status, 404)
  })
  it('names the port and the way out when it is taken', async () => {
    const port = Number(new URL(server.url).port)
    await assert.rejects(
      openAdminServer({ host: '127.0.0.1', port, routes, consoleDir: undefined }),
      (error: { code: string; hint: string }) =>
        error.code === 'TM_PLATFORM_PORT_BUSY' && error.hint.includes('--port auto'),
    )
  })
})
