import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import { createSeededRandom, createVirtualClock } from '@tidemill/core'
import { callDataMaker } from '../../src/bench/call-data.ts'
import { createMetadata } from '../../src/bench/call-metadata.ts'
import { splitDelimited } from '../../src/bench/framing.ts'
import { createPayloads, type PayloadOptions } from '../../src/bench/payload.ts'
import { orderMethod } from './order-registry.ts'

const random = createSeededRandom(1)
const place = orderMethod('Place')
const dataOf = callDataMaker(place, createVirtualClock(), random)

function payloads(json: string, more: Partial<PayloadOptions> = {}) {
  return createPayloads({ method: place, json, random, ...more })
}

function decode(frame: Buffer | undefined): unknown {
  assert.ok(frame)
  assert.equal(frame.readUInt32BE(1), frame.length - 5)
  const body = frame[0] === 1 ? gunzipSync(frame.subarray(5)) : frame.subarray(5)
  return toJson(place.input, fromBinary(place.input, body))
}

describe('request data', () => {
  it('is encoded once when it has no templates', () => {
    const source = payloads('{"id":"7","itemList":[{"price":3}]}')
    assert.equal(source.fixed?.length, 1)
    assert.deepEqual(decode(source.fixed?.[0]), { id: '7', itemList: [{ price: 3 }] })
  })
  it('is one empty message when there is none', () => {
    assert.deepEqual(decode(payloads('').fixed?.[0]), {})
  })
  it('takes the names of the .proto file as well as those of JSON', () => {
    assert.deepEqual(decode(payloads('{"item_list":[{"sku":"a"}]}').fixed?.[0]), {
      itemList: [{ sku: 'a' }],
    })
  })
  it('gives each call the next message of a list', () => {
    const source = payloads('[{"id":"a{{.RequestNumber}}"},{"id":"b"}]')
    const ids = [0, 1, 2].map((number) => decode(source.dynamic(dataOf('w', number))[0]))
    assert.deepEqual(ids, [{ id: 'a0' }, { id: 'b' }, { id: 'a2' }])
  })
  it('gives a call that streams the whole list', () => {
    const source = payloads('[{"id":"{{.RequestNumber}}"},{"id":"b"}]', {
      method: orderMethod('Upload'),
    })
    assert.deepEqual(source.dynamic(dataOf('w', 9)).map(decode), [{ id: '9' }, { id: 'b' }])
  })
  it('takes numbers from templates without quotes', () => {
    const source = payloads('{"total": {{.RequestNumber}} }')
    assert.deepEqual(decode(source.dynamic(dataOf('w', 12))[0]), { total: 12 })
  })
  it('is compressed when asked', () => {
    const [frame] = payloads('{"id":"aaaa"}', { gzip: true }).fixed ?? []
    assert.equal(frame?.[0], 1)
    assert.deepEqual(decode(frame), { id: 'aaaa' })
  })
  it('can be encoded already, as one message or as several with their lengths', () => {
    const one = toBinary(place.input, create(place.input, { id: 'x' }))
    const both = Buffer.concat([Uint8Array.of(one.length), one, Uint8Array.of(one.length), one])
    assert.deepEqual(payloads('', { binary: one }).fixed?.map(decode), [{ id: 'x' }])
    assert.deepEqual(payloads('', { binary: both }).fixed?.map(decode), [{ id: 'x' }, { id: 'x' }])
    assert.throws(() => payloads('', { binary: Uint8Array.of(0xff, 0xff) }), {
      code: 'TM_RPC_BENCH_DATA',
    })
  })
  it('splits lengths of several bytes and refuses what is cut', () => {
    const long = Buffer.alloc(300, 7)
    assert.deepEqual(splitDelimited(Buffer.concat([Uint8Array.of(0xac, 0x02), long])), [long])
    assert.equal(splitDelimited(Uint8Array.of(5, 1)), undefined)
    assert.equal(splitDelimited(Uint8Array.of(0x80)), undefined)
  })
})

describe('data that does not fit', () => {
  const rows: readonly (readonly [string, string, string, string | undefined])[] = [
    ['an unknown field', '{"totl":1}', 'totl', 'Did you mean "total"?'],
    ['a wrong type', '{"total":"many"}', 'total', undefined],
    [
      'a field of a list entry',
      '{"itemList":[{"price":1},{"prise":2}]}',
      'itemList[1].prise',
      'Did you mean "price"?',
    ],
    [
      'a value of a list entry',
      '{"itemList":[{"price":1},{"price":true}]}',
      'itemList[1].price',
      undefined,
    ],
    ['an entry that is no message', '{"itemList":[3]}', 'itemList[0]', undefined],
    ['a value of a map', '{"labels":{"a":1,"b":"x"}}', 'labels["b"]', undefined],
    ['an unknown enum value', '{"side":"HOLD"}', 'side', undefined],
    ['a bare value', '3', '(whole)', undefined],
    ['no JSON', '{"id":', '(whole)', undefined],
    ['the second of a list', '[{"id":"a"},{"id":7}]', 'id', undefined],
  ]
  for (const [what, json, path, hint] of rows) {
    it(`is refused with the path of ${what}`, () => {
      assert.throws(
        () => payloads(json),
        (error: { code: string; hint: string; details: { path: string } }) => {
          assert.equal(error.code, 'TM_RPC_BENCH_DATA')
          assert.equal(error.details.path, path)
          if (hint !== undefined) assert.equal(error.hint, hint)
          return true
        },
      )
    })
  }
})

describe('metadata of the calls', () => {
  it('has lower-case names, and base64 for bytes', () => {
    assert.deepEqual(createMetadata('{"Request-Id":"1","trace-bin":"ab"}', random).fixed, [
      'request-id',
      '1',
      'trace-bin',
      'YWI',
    ])
    assert.deepEqual(createMetadata(undefined, random).fixed, [])
  })
  it('is made for each call when it has templates', () => {
    const source = createMetadata('{"n":"{{.RequestNumber}}"}', random)
    assert.equal(source.fixed, undefined)
    assert.deepEqual(source.dynamic(dataOf('w', 5)), ['n', '5'])
  })
  it('refuses names and values that cannot be sent', () => {
    for (const json of [
      '{"grpc-timeout":"1S"}',
      '{"a b":"1"}',
      '{"a":1}',
      '{"a":"é"}',
      '[]',
      '{',
    ]) {
      assert.throws(() => createMetadata(json, random), { code: 'TM_RPC_BENCH_DATA' }, json)
    }
  })
})
