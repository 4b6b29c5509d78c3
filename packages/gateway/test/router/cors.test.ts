import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileCors, corsAllows, corsAnswer, corsPreflight } from '@tidemill/gateway/router'

describe('CORS', () => {
  it('allows origins by name, by wildcard and by their default port', () => {
    const plan = compileCors({
      allowOrigins: ['https://a.com', 'http://*.b.com', 'https://c.com:443', 'http://*:8080'],
    })
    for (const origin of [
      'https://a.com',
      'https://A.com:443',
      'http://x.b.com',
      'http://y.x.b.com',
      'https://c.com',
      'http://any.org:8080',
    ]) {
      assert.equal(corsAllows(plan, origin), true, origin)
    }
    for (const origin of [
      'http://a.com',
      'https://a.com:8443',
      'http://b.com',
      'https://x.b.com',
      'http://x.b.com.evil.org',
      'http://evil.org/.b.com',
      'null',
      '',
    ]) {
      assert.equal(corsAllows(plan, origin), false, origin)
    }
  })

  it('gives other origins no field at all', () => {
    const plan = compileCors({ allowOrigins: ['https://a.com'], allowMethods: ['GET'] })
    assert.deepEqual(corsPreflight(plan, 'https://b.com', 'GET', undefined), [])
    assert.deepEqual(corsAnswer(plan, 'https://b.com'), [])
  })

  it('answers a preflight with the lists and an age of 5 seconds', () => {
    const plan = compileCors({
      allowOrigins: ['https://a.com'],
      allowMethods: ['GET', 'PUT'],
      allowHeaders: ['x-a', 'x-b'],
      exposeHeaders: ['x-c'],
    })
    assert.deepEqual(corsPreflight(plan, 'https://a.com', 'PUT', 'x-a'), [
      'access-control-allow-origin',
      'https://a.com',
      'vary',
      'Origin',
      'access-control-allow-methods',
      'GET, PUT',
      'access-control-allow-headers',
      'x-a, x-b',
      'access-control-max-age',
      '5',
    ])
    assert.deepEqual(corsAnswer(plan, 'https://a.com'), [
      'access-control-allow-origin',
      'https://a.com',
      'vary',
      'Origin',
      'access-control-expose-headers',
      'x-c',
    ])
  })

  it('never writes * beside credentials', () => {
    const all = {
      allowOrigins: ['*'],
      allowMethods: ['*'],
      allowHeaders: ['*'],
      exposeHeaders: ['*'],
      maxAge: 60,
    }
    const open = compileCors(all)
    assert.deepEqual(corsPreflight(open, 'https://a.com', 'PUT', 'x-a'), [
      'access-control-allow-origin',
      '*',
      'access-control-allow-methods',
      '*',
      'access-control-allow-headers',
      '*',
      'access-control-max-age',
      '60',
    ])
    const personal = compileCors({ ...all, allowCredentials: true })
    const fields = [
      ...corsPreflight(personal, 'https://a.com', 'PUT', 'x-a'),
      ...corsAnswer(personal, 'https://a.com'),
    ]
    assert.equal(fields.includes('*'), false)
    assert.deepEqual(fields.slice(0, 10), [
      'access-control-allow-origin',
      'https://a.com',
      'vary',
      'Origin',
      'access-control-allow-credentials',
      'true',
      'access-control-allow-methods',
      'PUT',
      'access-control-allow-headers',
      'x-a',
    ])
  })
})
