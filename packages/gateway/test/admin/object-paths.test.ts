import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openTestAdmin, route } from './fixture.ts'

const place = '/v1/objects/HTTPRoute/default/web'
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 'cert',
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"c2VjcmV0"}' },
  },
  type: 'Opaque',
  data: { password: 'c2VjcmV0' },
}

describe('objects of the admin API', () => {
  it('creates, reads, changes and deletes under ETags', async () => {
    await using opened = await openTestAdmin()
    const { call } = opened
    const created = await call('PUT', place, { body: route('web') })
    assert.equal(created.status, 201)
    const read = await call('GET', place)
    assert.equal(read.headers.get('etag'), created.headers.get('etag'))
    assert.deepEqual(read.data['object'], route('web'))
    const headers = { 'if-match': read.headers.get('etag') ?? '' }
    const changed = await call('PUT', place, { body: route('web', 'other'), headers })
    assert.equal(changed.status, 200)
    const late = await call('PUT', place, { body: route('web'), headers })
    assert.equal(late.status, 412)
    assert.equal(late.data['code'], 'TM_GATEWAY_OBJECT_CHANGED')
    assert.equal((await call('DELETE', place, { headers })).status, 412)
    assert.equal((await call('DELETE', place)).status, 200)
    const gone = await call('GET', place)
    assert.equal(gone.data['code'], 'TM_GATEWAY_OBJECT_UNKNOWN')
    assert.equal((await call('DELETE', place)).status, 404)
    assert.deepEqual(opened.runtime.status(), [])
  })
  it('lets one of many writers of one version win', async () => {
    await using opened = await openTestAdmin()
    const first = await opened.call('PUT', place, { body: route('web') })
    const headers = { 'if-match': first.headers.get('etag') ?? '' }
    const names = Array.from({ length: 20 }, (_, i) => `service-${i}`)
    const answers = await Promise.all(
      names.map((name) => opened.call('PUT', place, { body: route('web', name), headers })),
    )
    const won = answers.flatMap(({ status }, i) => (status === 200 ? [names[i]] : []))
    assert.equal(won.length, 1)
    assert.equal(answers.filter(({ status }) => status === 412).length, 19)
    const { data } = await opened.call('GET', place)
    assert.deepEqual(data['object'], route('web', won[0]))
  })
  it('creates only what is not there under If-None-Match, changes only what is there under If-Match: *', async () => {
    await using opened = await openTestAdmin()
    const any = { 'if-match': '*' }
    const none = { 'if-none-match': '*' }
    const { call } = opened
    assert.equal((await call('PUT', place, { body: route('web'), headers: any })).status, 412)
    assert.equal((await call('PUT', place, { body: route('web'), headers: none })).status, 201)
    assert.equal((await call('PUT', place, { body: route('web'), headers: none })).status, 412)
    assert.equal((await call('PUT', place, { body: route('web', 'x'), headers: any })).status, 200)
    const weak = { 'if-match': 'W/"1"' }
    assert.equal((await call('PUT', place, { body: route('web'), headers: weak })).status, 412)
  })
  it('takes only conditional writes when it is told to', async () => {
    await using opened = await openTestAdmin({ requirePreconditions: true })
    const refused = await opened.call('PUT', place, { body: route('web') })
    assert.equal(refused.status, 428)
    assert.equal(refused.data['code'], 'TM_GATEWAY_OBJECT_UNCONDITIONAL')
    const headers = { 'if-none-match': '*' }
    assert.equal((await opened.call('PUT', place, { body: route('web'), headers })).status, 201)
  })
  it('stores nothing that is not valid, of another name or of no kind', async () => {
    await using opened = await openTestAdmin()
    const invalid = { ...route('web'), spec: { rules: 'none' } }
    const refused = await opened.call('PUT', place, { body: invalid })
    assert.equal(refused.status, 422)
    assert.equal(refused.data['code'], 'TM_GATEWAY_OBJECT_INVALID')
    assert.equal((await opened.call('PUT', place, { body: route('other') })).status, 422)
    assert.equal((await opened.call('PUT', place, { body: 17 })).status, 422)
    assert.equal((await opened.call('GET', '/v1/objects/Pod/default/web')).status, 404)
    assert.deepEqual((await opened.call('GET', '/v1/objects')).data, { objects: [] })
  })
  it('applies a list as one batch of one revision, or nothing of it', async () => {
    await using opened = await openTestAdmin()
    const objects = [route('a'), route('b')]
    const bad = await opened.call('POST', '/v1/objects', {
      body: { objects: [...objects, { ...route('c'), spec: { rules: 1 } }, route('a')] },
    })
    assert.equal(bad.status, 422)
    assert.equal(opened.runtime.batches.length, 0)
    const dry = await opened.call('POST', '/v1/objects?dryRun=true', { body: { objects } })
    assert.equal(dry.data['revision'], null)
    assert.equal(opened.runtime.batches.length, 0)
    const done = await opened.call('POST', '/v1/objects', { body: { objects } })
    assert.equal(opened.runtime.batches.length, 1)
    assert.equal(opened.runtime.batches[0]?.changes.length, 2)
    assert.equal(done.data['revision'], opened.runtime.revision)
    const next = { objects: [route('a'), route('b', 'x')], prune: true }
    await opened.call('POST', '/v1/objects', { body: { objects: [route('old')] } })
    const pruned = await opened.call('POST', '/v1/objects', { body: next })
    const actions = (pruned.data['objects'] as { key: string; action: string }[]).map(
      ({ key, action }) => [key, action],
    )
    assert.deepEqual(actions, [
      ['default/a', 'keep'],
      ['default/b', 'change'],
      ['default/old', 'delete'],
    ])
    const same = await opened.call('POST', '/v1/objects', { body: next })
    assert.equal(same.data['revision'], null)
  })
  it('leaves objects of files to their files', async () => {
    await using opened = await openTestAdmin()
    // A layer before the one that the admin API writes would be made first; the newest one stands in for it here.
    const files = opened.layers.layer()
    files.apply(
      [
        {
          kind: 'HTTPRoute',
          key: 'default/web',
          text: JSON.stringify(route('web')),
          revision: 1,
          origin: 'g.yaml:1',
        },
      ],
      1,
      true,
    )
    await opened.layers.settled()
    const refused = await opened.call('PUT', place, { body: route('web', 'other') })
    assert.equal(refused.status, 409)
    assert.equal(refused.data['code'], 'TM_GATEWAY_OBJECT_OF_FILE')
    assert.match(String(refused.data['detail']), /g\.yaml:1/u)
    assert.equal((await opened.call('DELETE', place)).status, 409)
  })
  it('never shows the data of a Secret, wherever objects are shown', async () => {
    await using opened = await openTestAdmin()
    const { call } = opened
    assert.equal(
      (await call('PUT', '/v1/objects/Secret/default/cert', { body: secret })).status,
      201,
    )
    const policy = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'm' },
      data: { token: 'c2VjcmV0' },
    }
    await call('PUT', '/v1/objects/ConfigMap/default/m', { body: policy })
    for (const path of ['/v1/objects', '/v1/objects/Secret/default/cert', '/debug/config']) {
      const { text } = await call('GET', path)
      assert.ok(text.includes('***'), path)
      assert.ok(!text.includes('c2VjcmV0'), path)
    }
    const body = { objects: [{ ...secret, data: { password: 'b3RoZXI=' } }] }
    const { text } = await call('POST', '/v1/objects?dryRun=true', { body })
    assert.ok(!text.includes('c2VjcmV0') && !text.includes('b3RoZXI='))
  })
})
