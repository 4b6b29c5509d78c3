import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { catalogue, orderBody, type OrderView, place, settled } from './lib/order.ts'
import { json, temporaryFolder, tidemill, up } from './lib/tidemill.ts'

describe('tidemill up', () => {
  it('takes an order through gateway, events and saga, shows it in every command, and drains on SIGTERM', async (t) => {
    const { console: url, gateway, child, finished, pid } = await up(t)
    assert.equal(pid, child.pid)
    const [item] = await catalogue(gateway)
    assert.ok(item !== undefined && item.available > 0)

    const answer = await place(gateway, 'key-1', orderBody(item, 3, 'e2e-1'))
    assert.equal(answer.status, 202)
    assert.equal(answer.headers.get('location'), '/orders/e2e-1')
    assert.deepEqual(await answer.json(), { id: 'e2e-1', state: 'pending' })
    const order = await settled(gateway, 'e2e-1')
    assert.equal(order.state, 'confirmed')
    assert.equal(order.total.amount, item.unitPrice * 3)
    assert.deepEqual(
      order.saga.steps.map((step) => step.state).filter((state) => state !== 'done'),
      [],
    )

    const followed = await json<{
      readonly order: OrderView
      readonly route: { readonly upstream: string; readonly status: number } | null
      readonly payments: readonly { readonly kind: string; readonly amount: number }[]
      readonly timeline: readonly unknown[]
    }>(t, ['order', 'show', 'e2e-1', '--url', url])
    assert.equal(followed.order.id, 'e2e-1')
    assert.equal(followed.route?.status, 202)
    assert.deepEqual(
      followed.payments.map(({ kind, amount }) => [kind, amount]),
      [['charge', order.total.amount]],
    )
    assert.ok(followed.timeline.length >= 5)
    const text = await tidemill(t, 'order', 'show', 'e2e-1', '--url', url)
    assert.match(text.stdout, /order e2e-1 {2}confirmed/u)

    const listed = await json<{ readonly items: readonly { readonly id: string }[] }>(t, [
      'order',
      'ls',
      '--url',
      url,
    ])
    assert.ok(listed.items.some((entry) => entry.id === 'e2e-1'))
    const sagas = await json<{ readonly items: readonly { readonly id: string }[] }>(t, [
      'saga',
      'ls',
      '--url',
      url,
    ])
    assert.ok(sagas.items.some((saga) => saga.id === order.saga.id))
    const saga = await json<{ readonly state: string }>(t, [
      'saga',
      'show',
      order.saga.id,
      '--url',
      url,
    ])
    assert.equal(saga.state, 'completed')
    const events = await tidemill(t, 'events', 'tail', '--url', url, '--json')
    assert.ok(events.stdout.split('\n').some((line) => line.includes('OrderPlaced')))
    const report = await json<{ readonly ok: boolean }>(t, ['events', 'verify', '--url', url])
    assert.equal(report.ok, true)
    const routes = await json<{ readonly items: readonly { readonly name: string }[] }>(t, [
      'route',
      'ls',
      '--url',
      url,
    ])
    assert.ok(routes.items.length > 0)
    const explained = await tidemill(t, 'route', 'explain', '/orders', '-X', 'POST', '--url', url)
    assert.equal(explained.code, 0, explained.stderr)
    await json(t, ['kv', 'put', '/flags/x', 'on', '--url', url])
    assert.equal((await tidemill(t, 'kv', 'get', '/flags/x', '--url', url)).stdout, 'on\n')
    assert.equal((await tidemill(t, 'kv', 'get', '/flags/y', '--url', url)).code, 3)
    const verified = await json<{ readonly holds: boolean }>(t, ['verify', '--url', url])
    assert.equal(verified.holds, true)
    const status = await json<{ readonly health: { readonly state: string } }>(t, [
      'status',
      '--url',
      url,
    ])
    assert.equal(status.health.state, 'ok')
    assert.equal((await tidemill(t, 'doctor', '--url', url)).code, 0)
    const metrics = await (await fetch(`${url}/metrics`)).text()
    assert.match(metrics, /^tidemill_gw_requests_total\{.*route="shop\/.*\} \d+$/mu)

    child.kill('SIGTERM')
    assert.equal((await finished).code, 0)
  })

  it('keeps its state in --data over a restart, and refuses a second process on the same folder', async (t) => {
    const folder = temporaryFolder(t)
    const first = await up(t, '--data', folder)
    const [item] = await catalogue(first.gateway)
    assert.ok(item)
    await place(first.gateway, 'key-1', orderBody(item, 1, 'kept-1'))
    await settled(first.gateway, 'kept-1')
    const second = await tidemill(t, 'up', '--port', 'auto', '--data', folder)
    assert.notEqual(second.code, 0)
    assert.match(second.stderr, /error\[TM_SQLITE_\w+\].*\n[\s\S]*try: /u)
    assert.match(second.stderr, new RegExp(String(first.pid), 'u'))
    first.child.kill('SIGTERM')
    assert.equal((await first.finished).code, 0)
    const again = await up(t, '--data', folder)
    const kept = await settled(again.gateway, 'kept-1')
    assert.equal(kept.state, 'confirmed')
  })

  it('says which port is taken and how to move', async (t) => {
    const holder = createServer().listen(0, '127.0.0.1')
    t.after(() => holder.close())
    await once(holder, 'listening')
    const { port } = holder.address() as { readonly port: number }
    const { code, stderr, stdout } = await tidemill(t, 'up', '--port', String(port))
    assert.equal(code, 6)
    assert.equal(stdout, '')
    assert.match(
      stderr,
      new RegExp(`error\\[TM_PLATFORM_PORT_BUSY\\].*${port}[\\s\\S]*--port auto`, 'u'),
    )
  })

  it('refuses a damaged database with the file and what to do, and leaves it as it is', async (t) => {
    const folder = temporaryFolder(t)
    const first = await up(t, '--data', folder)
    first.child.kill('SIGTERM')
    await first.finished
    const name = (await readdir(folder)).find(
      (file) => file.startsWith('order') && file.endsWith('.db'),
    )
    assert.ok(name)
    await writeFile(
      path.join(folder, name),
      'this is no database, whatever its name says'.repeat(100),
    )
    const { code, stderr } = await tidemill(t, 'up', '--port', 'auto', '--data', folder)
    assert.notEqual(code, 0)
    assert.match(stderr, new RegExp(`error\\[TM_SQLITE_\\w+\\].*${name}[\\s\\S]*try: `, 'u'))
    const doctor = await tidemill(t, 'doctor', '--data', folder)
    assert.equal(doctor.code, 1)
    assert.match(doctor.stdout, new RegExp(name, 'u'))
  })
})
