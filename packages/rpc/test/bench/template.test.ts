import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock } from '@tidemill/core'
import { callDataMaker } from '../../src/bench/call-data.ts'
import { parseTemplate } from '../../src/bench/template.ts'
import { orderMethod } from './order-registry.ts'

const random = createSeededRandom(1)
const clock = createVirtualClock(1_700_000_000_123)
const data = callDataMaker(orderMethod('Upload'), clock, random)('g3c1', 41)
const fill = (text: string): string => parseTemplate(text).fill(data, random)

describe('call data of a template', () => {
  it('has the variables of ghz', () => {
    assert.equal(fill('{{.RequestNumber}}|{{ .WorkerID }}'), '41|g3c1')
    assert.equal(
      fill(
        '{{.FullyQualifiedName}} {{.MethodName}} {{.ServiceName}} {{.InputName}} {{.OutputName}}',
      ),
      'shop.v1.Orders.Upload Upload Orders Order Order',
    )
    assert.equal(fill('{{.IsClientStreaming}} {{.IsServerStreaming}}'), 'true false')
    assert.equal(
      fill('{{.Timestamp}} {{.TimestampUnix}} {{.TimestampUnixMilli}} {{.TimestampUnixNano}}'),
      '2023-11-14T22:13:20Z 1700000000 1700000000123 1700000000123000000',
    )
  })
  it('has functions with fresh values at each use', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u
    assert.match(fill('{{.UUID}}'), uuid)
    const [first, second] = fill('{{newUUID}} {{newUUID}}').split(' ')
    assert.match(first ?? '', uuid)
    assert.notEqual(first, second)
    assert.match(fill('{{randomString 8}}'), /^[a-zA-Z0-9]{8}$/u)
    for (let i = 0; i < 50; i++) {
      assert.match(fill('{{randomString 0}}'), /^[a-zA-Z0-9]{2,16}$/u)
      assert.match(fill('{{randomInt 3 6}}'), /^[345]$/u)
      assert.equal(fill('{{randomInt 5 5}}'), '5')
    }
  })
  it('trims where Go does and drops comments', () => {
    assert.equal(fill('a  {{- .RequestNumber -}}  b'), 'a41b')
    assert.equal(fill('a {{/* note */}}b'), 'a b')
  })
  it('knows a text without actions, braces or not', () => {
    assert.equal(parseTemplate('{"a":{}}').dynamic, false)
    assert.equal(fill('{"a":{"b":1}}'), '{"a":{"b":1}}')
  })
  it('refuses what it cannot do and names what is near', () => {
    assert.throws(() => parseTemplate('{{.RequestNumbr}}'), {
      code: 'TM_RPC_BENCH_TEMPLATE',
      hint: 'Did you mean {{.RequestNumber}}?',
    })
    assert.throws(() => parseTemplate('{{randomstring 8}}'), {
      code: 'TM_RPC_BENCH_TEMPLATE',
      hint: 'Did you mean {{randomString}}?',
    })
    assert.throws(() => parseTemplate('{{randomInt 1}}'), { code: 'TM_RPC_BENCH_TEMPLATE' })
    assert.throws(() => parseTemplate('{{if .UUID}}x{{end}}'), { code: 'TM_RPC_BENCH_TEMPLATE' })
  })
})
