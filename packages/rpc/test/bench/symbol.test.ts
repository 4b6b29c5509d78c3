import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { OptionProblem } from '../../src/bench/bench-config.ts'
import { readMetadata } from '../../src/bench/call-metadata.ts'
import { parseFailOn } from '../../src/bench/fail-on.ts'
import { messageJson, readMessages, splitJson } from '../../src/bench/json-messages.ts'
import { namedTypes, protoText } from '../../src/bench/proto-text.ts'
import type { BenchReport } from '../../src/bench/report.ts'
import { findService, findSymbol, readProtoset, servicesOf } from '../../src/bench/symbol.ts'
import { orderMethod, orderRegistry } from './order-registry.ts'

describe('symbols of a schema', () => {
  it('are found by their full name, methods with a slash or a dot', () => {
    for (const [name, kind] of [
      ['shop.v1.Orders', 'service'],
      ['.shop.v1.Orders', 'service'],
      ['shop.v1.Orders/Place', 'rpc'],
      ['shop.v1.Orders.Place', 'rpc'],
      ['shop.v1.Item', 'message'],
      ['shop.v1.Side', 'enum'],
    ] as const) {
      assert.equal(findSymbol(orderRegistry, name).kind, kind, name)
    }
    assert.equal(findService(orderRegistry, 'shop.v1.Orders').name, 'Orders')
    assert.deepEqual(
      servicesOf(orderRegistry).map((one) => one.typeName),
      ['shop.v1.Orders'],
    )
  })
  it('that are not there are refused with what is near, in another package too', () => {
    const rows: readonly (readonly [string, RegExp])[] = [
      ['shop.v1.Itm', /Did you mean shop\.v1\.Item\?/u],
      ['other.package.Item', /Did you mean shop\.v1\.Item\?/u],
      ['shop.v1.Orders/Plce', /Did you mean shop\.v1\.Orders\.Place\?/u],
      ['Zebra', /There are shop\.v1\.Orders\.Place, /u],
    ]
    for (const [name, hint] of rows) {
      assert.throws(
        () => findSymbol(orderRegistry, name),
        (error: { code: string; hint: string }) =>
          error.code === 'TM_RPC_SYMBOL_UNKNOWN' && hint.test(error.hint),
        name,
      )
    }
    assert.throws(() => findService(orderRegistry, 'shop.v1.Order'), {
      hint: 'Did you mean shop.v1.Orders?',
    })
  })
  it('are read from compiled descriptors, in any order of files', () => {
    const file = [...orderRegistry.files].map((one) => one.proto)
    const bytes = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }))
    assert.equal(findSymbol(readProtoset(bytes), 'shop.v1.Item').kind, 'message')
    assert.throws(() => readProtoset(Uint8Array.of(7, 7)), { code: 'TM_RPC_BENCH_OPTIONS' })
  })
})

describe('a symbol as .proto text', () => {
  it('has fields with labels, maps and full names', () => {
    assert.equal(
      protoText(findSymbol(orderRegistry, 'shop.v1.Order')),
      [
        'message Order {',
        '  string id = 1;',
        '  repeated .shop.v1.Item item_list = 2;',
        '  int32 total = 3;',
        '  .shop.v1.Side side = 4;',
        '  map<string, int32> labels = 5;',
        '}',
      ].join('\n'),
    )
    assert.equal(
      protoText(findSymbol(orderRegistry, 'shop.v1.Side')),
      'enum Side {\n  BUY = 0;\n  SELL = 1;\n}',
    )
  })
  it('says which sides of a method stream', () => {
    const text = protoText(findSymbol(orderRegistry, 'shop.v1.Orders'))
    assert.match(text, /rpc Upload \(stream \.shop\.v1\.Order\) returns \(\.shop\.v1\.Order\);/u)
    assert.match(text, /rpc Watch \(\.shop\.v1\.Order\) returns \(stream \.shop\.v1\.Order\);/u)
    assert.match(protoText(orderMethod('Talk')), /^rpc Talk \(stream .* returns \(stream /u)
  })
  it('names the types that it uses once', () => {
    const names = (name: string): string[] =>
      namedTypes(findSymbol(orderRegistry, name)).map((type) => type.typeName)
    assert.deepEqual(names('shop.v1.Orders'), ['shop.v1.Order'])
    assert.deepEqual(names('shop.v1.Order'), ['shop.v1.Item', 'shop.v1.Side'])
    assert.deepEqual(names('shop.v1.Side'), [])
  })
})

describe('messages from JSON text', () => {
  const { input } = orderMethod('Place')
  it('come one after another, with or without line ends, or as a list', () => {
    const texts = ['{"id":"}{"}{"id":"b"}\n [{"id":"c"},{"id":"d"}]', '', '  \n']
    const ids = texts.map((text) =>
      readMessages(input, text, orderRegistry).map(
        (message) => messageJson(input, message, orderRegistry, false) as { id: string },
      ),
    )
    assert.deepEqual(ids, [[{ id: '}{' }, { id: 'b' }, { id: 'c' }, { id: 'd' }], [], []])
  })
  it('are cut between values only', () => {
    assert.deepEqual(splitJson('{"a":"\\"}"} 1 true "x y"[1,[2]]'), [
      '{"a":"\\"}"}',
      '1',
      'true',
      '"x y"',
      '[1,[2]]',
    ])
    assert.throws(() => readMessages(input, '{"id":', orderRegistry), { code: 'TM_RPC_BENCH_DATA' })
  })
  it('can be printed with defaults', () => {
    const [message] = readMessages(input, '{}', orderRegistry)
    assert.ok(message)
    assert.deepEqual(messageJson(input, message, orderRegistry, true), {
      id: '',
      itemList: [],
      total: 0,
      side: 'BUY',
      labels: {},
    })
  })
})

describe('metadata of one call', () => {
  it('has bytes for names that end in -bin', () => {
    assert.deepEqual(readMetadata('{"A":"1","t-bin":"ab"}'), { a: '1', 't-bin': Buffer.from('ab') })
    assert.deepEqual(readMetadata(undefined), {})
  })
})

describe('conditions that must not hold', () => {
  const report = {
    count: 200,
    rps: 1000,
    average: 5e6,
    statusCodeDistribution: { OK: 196, Unavailable: 4 },
    tidemill: { percentiles: { p99: 20e6, 'p99.9': 30e6, max: 40e6 } },
  } as unknown as BenchReport
  const holds = (text: string): boolean => {
    const problems: OptionProblem[] = []
    const crossed = parseFailOn(text, problems).some((one) => one.check(report) !== undefined)
    assert.deepEqual(problems, [], text)
    return crossed
  }
  it('are errors by number or share, latencies, and a rate that is too low', () => {
    for (const text of [
      'errors',
      'errors>3',
      'errors>1.9%',
      'p99>19ms',
      'p99.9>29ms',
      'max>39ms',
      'average>4ms',
      'rps<1001',
      'rps<1,errors',
    ]) {
      assert.equal(holds(text), true, text)
    }
    for (const text of ['errors>4', 'errors>2%', 'p99>20ms', 'max>1s', 'rps<1000']) {
      assert.equal(holds(text), false, text)
    }
  })
  it('that cannot be read are a problem', () => {
    for (const text of ['', 'p98>1s', 'p99<1s', 'errors<1', 'rps>5', 'p99>', 'errors>x']) {
      const problems: OptionProblem[] = []
      parseFailOn(text, problems)
      assert.equal(problems.length, 1, text)
    }
  })
})
