import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openAdmin } from '@tidemill/gateway/admin'
import { createTestRuntime, openTestAdmin, route, sendChunks, token } from './fixture.ts'

describe('the admin API: who may ask', () => {
  it('answers health and readiness without a token, and nothing else', async () => {
    await using opened = await openTestAdmin()
    const { url } = opened.admin
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
    assert.equal((await fetch(`${url}/readyz`)).status, 200)
    for (const path of ['/metrics', '/v1/status', '/debug/config', '/v1/nothing']) {
      const response = await fetch(`${url}${path}`)
      assert.equal(response.status, 401, path)
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/u)
      const body = (await response.json()) as { code: string }
      assert.equal(body.code, 'TM_GATEWAY_ADMIN_TOKEN')
    }
  })
  it('refuses a wrong, shorter, longer or empty token', async () => {
    await using opened = await openTestAdmin()
    for (const wrong of ['', 'x', `${token}x`, token.slice(1), token.toUpperCase()]) {
      const headers = { authorization: `Bearer ${wrong}` }
      assert.equal((await opened.call('GET', '/v1/status', { headers })).status, 401, wrong)
    }
    const basic = { authorization: `Basic ${token}` }
    assert.equal((await opened.call('GET', '/v1/status', { headers: basic })).status, 401)
  })
  it('makes a new token where none is given, and tells it to the caller', async () => {
    const runtime = createTestRuntime()
    await using one = await openAdmin({ runtime, listen: { port: 0 } })
    await using other = await openAdmin({ runtime, listen: { port: 0 } })
    assert.ok(one.tokenMade && one.token.length >= 40)
    assert.notEqual(one.token, other.token)
    const headers = { authorization: `Bearer ${one.token}` }
    assert.equal((await fetch(`${one.url}/v1/status`, { headers })).status, 200)
    assert.equal((await fetch(`${other.url}/v1/status`, { headers })).status, 401)
  })
  it('refuses to start with a token that can be guessed', async () => {
    const runtime = createTestRuntime()
    await assert.rejects(openAdmin({ runtime, listen: { port: 0 }, token: 'admin' }), {
      code: 'TM_GATEWAY_ADMIN_BODY',
    })
  })
  it('names the port that is taken', async () => {
    await using opened = await openTestAdmin()
    const port = Number(new URL(opened.admin.url).port)
    await assert.rejects(openAdmin({ runtime: createTestRuntime(), listen: { port } }), {
      code: 'TM_GATEWAY_LISTEN',
    })
  })
})

describe('the admin API: what it takes', () => {
  it('says which paths there are not, and which methods', async () => {
    await using opened = await openTestAdmin()
    const unknown = await opened.call('GET', '/v1/nothing')
    assert.equal(unknown.data['code'], 'TM_GATEWAY_ADMIN_PATH')
    assert.equal((await opened.call('DELETE', '/v1/snapshot')).status, 405)
    assert.equal((await opened.call('POST', '/healthz', { body: {} })).status, 405)
    assert.equal((await opened.call('POST', '/v1/alerts/webhook', { body: {} })).status, 404)
  })
  it('refuses a body that is too large by its length before it comes, and by its size as it comes', async () => {
    await using opened = await openTestAdmin()
    const body = Buffer.alloc(2 * 1024 * 1024 + 1, 'x').toString()
    assert.equal((await opened.call('POST', '/v1/explain', { body })).status, 413)
    const url = `${opened.admin.url}/v1/explain`
    assert.equal(await sendChunks(url, Buffer.alloc(64 * 1024), 40), 413)
  })
  it('names everything that is wrong with a body', async () => {
    await using opened = await openTestAdmin()
    const broken = await opened.call('POST', '/v1/explain', { body: '{"host": ' })
    assert.equal(broken.data['code'], 'TM_GATEWAY_ADMIN_BODY')
    const wrong = await opened.call('POST', '/v1/explain', { body: { host: 1, extra: true } })
    assert.equal(wrong.status, 400)
    const paths = (wrong.data['problems'] as { path: string }[]).map((one) => one.path)
    assert.deepEqual(paths.toSorted(), ['/extra', '/host', '/path'])
    assert.equal((await opened.call('GET', '/v1/requests?limit=many')).status, 400)
  })
  it('explains a request by its URL', async () => {
    await using opened = await openTestAdmin()
    const gateway = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'edge' },
      spec: { gatewayClassName: 't', listeners: [{ name: 'h', protocol: 'HTTP', port: 8080 }] },
    }
    const attached = { ...route('web'), spec: { parentRefs: [{ name: 'edge' }], rules: [{}] } }
    await opened.call('POST', '/v1/objects', { body: { objects: [gateway, attached] } })
    const { data } = await opened.call('POST', '/v1/explain', {
      body: { url: 'http://shop.example/a?b=1', method: 'POST' },
    })
    assert.equal(data['route'], 'default/web')
    assert.equal(data['listener'], 'default/edge (h)')
  })
})

describe('the admin API: operations', () => {
  it('drains once, answers at once and is not ready from then on', async () => {
    await using opened = await openTestAdmin()
    const first = await opened.call('POST', '/v1/drain', { body: { graceMs: 10, timeoutMs: 20 } })
    assert.equal(first.status, 202)
    assert.equal((await opened.call('POST', '/v1/drain')).status, 202)
    assert.deepEqual(opened.runtime.calls, ['drain 10 20'])
    assert.equal((await opened.call('GET', '/readyz')).status, 503)
    assert.equal((await opened.call('GET', '/healthz')).status, 200)
    const bad = await opened.call('POST', '/v1/drain', { body: { graceMs: -1 } })
    assert.equal(bad.status, 400)
  })
  it('restarts, isolates and lists requests as asked', async () => {
    await using opened = await openTestAdmin()
    const { call } = opened
    assert.deepEqual((await call('POST', '/v1/restart')).data['workers'], [7])
    const known = { route: 'default/web', upstream: 'default/web', open: false }
    assert.equal((await call('POST', '/v1/breakers/isolate', { body: known })).status, 200)
    const unknown = { route: 'default/none', upstream: 'default/web' }
    const refused = await call('POST', '/v1/breakers/isolate', { body: unknown })
    assert.equal(refused.data['code'], 'TM_GATEWAY_BREAKER_UNKNOWN')
    await call('GET', '/v1/requests?limit=3')
    assert.deepEqual(opened.runtime.calls, [
      'restart',
      'isolate default/web default/web false',
      'isolate default/none default/web true',
      'requests 3',
    ])
  })
  it('gives a service its addresses and refuses what is none', async () => {
    await using opened = await openTestAdmin()
    const body = { addresses: ['127.0.0.1:9000'] }
    assert.equal((await opened.call('PUT', '/v1/backends/default/web:80', { body })).status, 200)
    const { data } = await opened.call('GET', '/v1/backends')
    assert.deepEqual(data, [{ name: 'default/web:80', addresses: ['127.0.0.1:9000'] }])
    const wrong = { addresses: ['http://127.0.0.1/path'] }
    const refused = await opened.call('PUT', '/v1/backends/default/web', { body: wrong })
    assert.equal(refused.data['code'], 'TM_GATEWAY_BACKENDS_INVALID')
  })
  it('gives alerts to those who handle them', async () => {
    const seen: unknown[] = []
    const slo = {
      webhook: (body: unknown) => void seen.push(['webhook', body]),
      alerts: (body: unknown) => void seen.push(['alerts', body]),
    }
    await using opened = await openTestAdmin({ slo })
    const webhook = { version: '4', alerts: [] }
    assert.equal((await opened.call('POST', '/v1/alerts/webhook', { body: webhook })).status, 200)
    assert.equal((await opened.call('POST', '/am/api/v2/alerts', { body: [] })).text, '{}')
    assert.deepEqual(seen, [
      ['webhook', webhook],
      ['alerts', []],
    ])
  })
  it('shows what is counted in the Prometheus format, labelled by names of the configuration', async () => {
    await using opened = await openTestAdmin({ sourceUp: () => false, applySeconds: () => 0.25 })
    const { text, headers } = await opened.call('GET', '/metrics')
    assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/u)
    for (const line of [
      'tidemill_gw_requests_total{route="default/web",upstream="default/web",code_class="2xx",flag=""} 1',
      'tidemill_gw_requests_total{route="default/web",upstream="default/web",code_class="5xx",flag="CB"} 2',
      'tidemill_gw_request_seconds_bucket{route="default/web",upstream="default/web",le="0.005"} 1',
      'tidemill_gw_breaker_state{route="default/web",rule="",upstream="default/web",state="open"} 1',
      'tidemill_gw_ratelimit_total{route="default/web",policy="per-key",decision="refused"} 1',
      'tidemill_gw_retries_total{upstream="default/web:80",result="refused"} 1',
      'tidemill_gw_outlier_ejected{upstream="default/web:80"} 1',
      'tidemill_gw_upstream_hosts{upstream="default/web:80",state="healthy"} 1',
      'tidemill_gw_connections{state="http1"} 2',
      'tidemill_gw_eventloop_lag_seconds{worker="0"} 0.002',
      'tidemill_gw_config_source_up 0',
      'tidemill_gw_config_apply_seconds 0.25',
      'tidemill_gw_accesslog_dropped_total 1',
    ]) {
      assert.ok(text.split('\n').includes(line), line)
    }
  })
})
