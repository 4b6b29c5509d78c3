import { openShop, type Shop } from '@tidemill/shop'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type Answer, type Api, apiOf, assertSound, newDir, sampleOrder } from '../support.ts'

/** Sends bytes as they are and gives all that comes back until the connection ends. */
function sendRaw(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      text += part
    })
    socket.on('end', () => {
      socket.destroy()
      resolve(text)
    })
    socket.on('error', reject)
  })
}

function assertRefusal(answer: Answer, what: string): void {
  assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} for ${what}`)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json', what)
  assert.match(answer.body.code, /^TM_[A-Z0-9_]+$/u, what)
  assert.equal(answer.body.status, answer.status, what)
  if (answer.status !== 422) return
  assert.ok(answer.body.problems.length > 0, what)
  for (const problem of answer.body.problems) assert.match(problem.path, /^(?:\/.*)?$/su, what)
}

// Texts of JSON, not values, so that what no value can be is among them.
const anyText = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '-1',
    '0',
    '-0',
    '1.5',
    '1e2',
    '1e999',
    '-1e999',
    '9007199254740993',
    'NaN',
    'Infinity',
    '1000000',
    '100000000',
    '"\\ud800"',
    '"\\u0000"',
    '"\u0000"',
    '""',
    '"x"',
    '[]',
    '{}',
    '[[[[[]]]]]',
    '{"__proto__":{"x":1}}',
    '{"constructor":1}',
    '\ufeff1',
    '',
    ',',
    '01',
    "'x'",
    `"${'x'.repeat(5000)}"`,
    '['.repeat(2000),
    '"GBP"',
    '"2011-11-01T08:16:00Z"',
    '"TM-MUG"',
  ),
  fc.json({ maxDepth: 3 }),
)

const textOf = (value: unknown): string => JSON.stringify(value)

/** The text of a valid order with one of its values replaced, a key repeated or added, or a piece of text cut out. */
const mutated = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('id', 'customer', 'country', 'currency', 'placedAt', 'lines', 'more'),
      anyText,
    )
    .map(([key, text]) => {
      const entries = Object.entries(sampleOrder).filter(([name]) => name !== key)
      const kept = entries.map(([name, value]) => `"${name}":${textOf(value)}`)
      return `{${[...kept, `"${key}":${text}`].join(',')}}`
    }),
  fc
    .tuple(fc.constantFrom('sku', 'description', 'quantity', 'unitPrice', 'more'), anyText)
    .map(([key, text]) => {
      const entries = Object.entries(sampleOrder.lines[0] ?? {}).filter(([name]) => name !== key)
      const kept = entries.map(([name, value]) => `"${name}":${textOf(value)}`)
      const line = `{${[...kept, `"${key}":${text}`].join(',')}}`
      return textOf({ ...sampleOrder, lines: [] }).replace('[]', () => `[${line}]`)
    }),
  fc.constantFrom('customer', 'lines', 'sku', 'quantity').map((key) => {
    const text = textOf(sampleOrder)
    return text.replace(new RegExp(`("${key}":)`, 'u'), `"${key}":1,$1`)
  }),
  fc
    .tuple(fc.nat(300), fc.nat(300), fc.string({ maxLength: 3, unit: 'binary' }))
    .map(([at, cut, put]) => {
      const text = textOf(sampleOrder)
      return text.slice(0, at % text.length) + put + text.slice((at % text.length) + (cut % 20))
    }),
)

describe('hostile input', () => {
  let shop: Shop
  let api: Api
  let dataDir: string
  before(async () => {
    dataDir = newDir()
    shop = await openShop({ dataDir, provider: { declineRatio: 0.1, delay: '0s' } })
    api = apiOf(shop)
  })
  after(async () => {
    await shop.close()
    rmSync(dataDir, { recursive: true })
  })

  it('is an order that ends, or is refused with a code and the path of each problem', async () => {
    const accepted = new Set<string>()
    let sent = 0
    let refused = 0
    // How many mutated orders are still sound is luck; these are.
    for (let i = 0; i < 10; i++) {
      const answer = await api.call('POST', '/orders', sampleOrder, { key: `sound${i}` })
      assert.equal(answer.status, 202)
      accepted.add(answer.body.id)
    }
    await fc.assert(
      fc.asyncProperty(mutated, async (raw) => {
        const answer = await api.call('POST', '/orders', undefined, { key: `m${sent++}`, raw })
        if (answer.status === 202) accepted.add(answer.body.id)
        else {
          refused++
          assertRefusal(answer, raw.slice(0, 300))
        }
      }),
      { numRuns: 250 },
    )
    assert.ok(refused > 50, `${refused} refused, ${accepted.size} accepted`)
    await shop.idle()
    const { confirmed, compensated, stuck } = await shop.outcome([...accepted])
    assert.deepEqual([confirmed + compensated, stuck], [accepted.size, 0])
    await assertSound(shop)
  })

  it('that is not HTTP is refused with a problem document too', async () => {
    const url = shop.endpoints[0]?.url ?? ''
    const head =
      'POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: q\r\n'
    const cases: readonly (readonly [number, string])[] = [
      [400, 'hello\r\n\r\n'],
      [400, `${head}content-length: abc\r\n\r\n{}`],
      [400, `${head}transfer-encoding: chunked\r\n\r\nzz\r\n{}`],
      [400, `${head}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`],
      [400, 'GET /orders/x HTTP/1.1\r\nhost: a\r\nx\u0001: b\r\n\r\n'],
      [431, `${head}x: ${'y'.repeat(20_000)}\r\n\r\n`],
    ]
    for (const [status, bytes] of cases) {
      const text = await sendRaw(url, bytes)
      const [start = '', body = ''] = text.split('\r\n\r\n')
      assert.match(start, new RegExp(`^HTTP/1.1 ${status} .*application/problem\\+json`, 'su'))
      const document = JSON.parse(body)
      assert.deepEqual([document.code, document.status], ['TM_SHOP_HTTP_MALFORMED', status])
    }
    const chunked = `${head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`
    assert.match(await sendRaw(url, chunked), /^HTTP\/1.1 422 .*"\/lines"/su)
  })
})
