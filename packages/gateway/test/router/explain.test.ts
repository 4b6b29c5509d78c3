import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRouter } from '@tidemill/gateway/router'
import { request, route, rule } from './fixtures.ts'

describe('router: explain', () => {
  const router = createRouter()
  router.put(
    route('shop', [
      rule({ path: { value: '/orders' }, headers: [{ name: 'x-env', value: 'grey' }] }),
      rule({ path: { value: '/orders' }, queryParams: [{ name: 'v', value: '2' }] }),
      rule({ path: { value: '/orders' }, method: 'POST' }),
      rule({ path: { value: '/orders' } }),
      rule({ path: { value: '/' } }),
      rule({ path: { type: 'Exact', value: '/other' } }),
    ]),
  )
  router.put(route('elsewhere', [rule({})], { hostnames: ['elsewhere.org'] }))
  const asked = request('/orders/1?v=3', { headers: ['X-Env', 'prod'] })

  it('names the winner and, for every other candidate, the failing condition or the law that decided', () => {
    const { candidates, chosen, omitted } = router.explain(asked)
    assert.equal(chosen?.rule, 3)
    assert.equal(omitted, 0)
    const told = candidates.map(({ route: name, rule: index, outcome, failed, outrankedBy }) => [
      name,
      index,
      outcome,
      failed === undefined ? outrankedBy : [failed.predicate, failed.expected, failed.received],
    ])
    assert.deepEqual(told, [
      ['test/shop', 5, 'failed', ['path', 'Exact /other', '/orders/1']],
      ['test/shop', 2, 'failed', ['method', 'POST', 'GET']],
      ['test/shop', 0, 'failed', ['header', 'Exact grey', 'prod']],
      ['test/shop', 1, 'failed', ['query', 'Exact 2', '3']],
      ['test/shop', 3, 'chosen', undefined],
      ['test/shop', 4, 'outranked', 'path length'],
      ['test/elsewhere', 0, 'failed', ['host', 'elsewhere.org', 'example.com']],
    ])
  })

  it('says how many candidates it left out', () => {
    const { candidates, omitted } = router.explain(asked, { limit: 3 })
    assert.deepEqual([candidates.length, omitted], [3, 4])
  })
})
