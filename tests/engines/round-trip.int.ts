import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { binaries, needs, start } from '../../scripts/engines/require.ts'
import { run } from '../../scripts/engines/run.ts'
import { freePort } from '../../scripts/engines/start.ts'

async function backend(t: TestContext): Promise<string> {
  const server = http.createServer((request, response) => response.end(`backend ${request.url}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Resolves with the first answer once somebody listens. */
async function getWhenUp(url: string): Promise<string> {
  const deadline = performance.now() + 10_000
  while (true) {
    try {
      const response = await fetch(url)
      return await response.text()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await delay(20)
    }
  }
}

test('etcd gives back through etcdctl what etcdctl put', needs('etcd'), async (t) => {
  const etcd = await start(t, 'etcd')
  const { etcdctl = '' } = etcd.binaries
  await run(etcdctl, ['--endpoints', etcd.url, 'put', '/a', 'one'])
  const got = await run(etcdctl, ['--endpoints', etcd.url, 'get', '/a', '--print-value-only'])
  assert.equal(got, 'one\n')
})

test('MariaDB returns a row that was inserted over TCP', needs('mariadb'), async (t) => {
  const mariadb = await start(t, 'mariadb')
  const login = ['--no-defaults', '--host=127.0.0.1', `--port=${mariadb.port}`]
  const sql = 'CREATE TABLE t (n INT) ENGINE=InnoDB; INSERT INTO t VALUES (7); SELECT n FROM t'
  const args = [
    ...login,
    '--user=tidemill',
    '--password=tidemill',
    '--batch',
    '--skip-column-names',
  ]
  const out = await run(mariadb.binaries['mariadb'] ?? '', [
    ...args,
    `--execute=${sql}`,
    'tidemill',
  ])
  assert.equal(out, '7\n')
})

test('PostgreSQL returns a row to a password login', needs('postgres'), async (t) => {
  const postgres = await start(t, 'postgres')
  const args = ['--quiet', '--tuples-only', '--no-align', '--command']
  const sql = 'create table t (n int); insert into t values (7); select n from t'
  const out = await run(postgres.binaries['psql'] ?? '', [...args, sql, postgres.url])
  assert.equal(out, '7\n')
})

test('Prometheus answers a query over what it scraped', needs('prometheus'), async (t) => {
  const page = http.createServer((_, response) => response.end('tidemill_answer 42\n'))
  page.listen(0, '127.0.0.1')
  await once(page, 'listening')
  t.after(() => page.close())
  const target = `127.0.0.1:${(page.address() as AddressInfo).port}`
  const prometheus = await start(t, 'prometheus', {
    config: `scrape_configs: [{job_name: t, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: ['${target}']}]}]`,
  })
  const deadline = performance.now() + 20_000
  let body = ''
  while (!body.includes('"42"') && performance.now() < deadline) {
    body = await getWhenUp(`${prometheus.url}/api/v1/query?query=tidemill_answer`)
    await delay(100)
  }
  assert.match(body, /"42"/u)
})

test('Chromium opens a page for DevTools', needs('chromium'), async (t) => {
  const chromium = await start(t, 'chromium')
  const response = await fetch(`${chromium.url}/json/new?about:blank`, { method: 'PUT' })
  const page = (await response.json()) as { readonly url: string; readonly type: string }
  assert.deepEqual([page.type, page.url], ['page', 'about:blank'])
})

test('Envoy answers on its listener', needs('envoy'), async (t) => {
  const envoy = await start(t, 'envoy')
  assert.equal(await getWhenUp(`${envoy.url}/any`), 'envoy')
})

test('wrk loads a server and counts its answers', needs('wrk'), async (t) => {
  const url = await backend(t)
  const out = await run(binaries('wrk')['wrk'] ?? '', ['-t1', '-c2', '-d1s', url])
  assert.match(out, /requests in/u)
  assert.doesNotMatch(out, /Non-2xx|Socket errors/u)
})

test('the Go gateway peer proxies by path prefix', needs('peers'), async (t) => {
  const [url, port] = [await backend(t), await freePort()]
  const file = binaries('peers')['mux-proxy'] ?? ''
  const proxy = spawn(file, ['-listen', `127.0.0.1:${port}`, '-route', `/a=${url}`])
  t.after(() => proxy.kill())
  assert.equal(await getWhenUp(`http://127.0.0.1:${port}/a/b`), 'backend /a/b')
  assert.match(await getWhenUp(`http://127.0.0.1:${port}/c`), /404/u)
})

test('the Go etcd client puts and sees its puts on a watch', needs('peers', 'etcd'), async (t) => {
  const etcd = await start(t, 'etcd')
  const file = binaries('peers')['etcd-client'] ?? ''
  for (const [verb, total] of [
    ['put', 50],
    ['watch', 100],
  ] as const) {
    const args = ['-endpoints', etcd.url, '-total', '50', '-watchers', '2', verb]
    const result = JSON.parse(await run(file, args)) as { readonly total: number }
    assert.equal(result.total, total)
  }
})

test(
  'an engine that cannot start says so with its log and leaves no process',
  needs('prometheus'),
  async (t) => {
    await assert.rejects(start(t, 'prometheus', { config: 'not: [valid' }), (error: Error) => {
      assert.match(error.message, /prometheus did not start\n[^]*prometheus\.yml/u)
      return true
    })
  },
)
