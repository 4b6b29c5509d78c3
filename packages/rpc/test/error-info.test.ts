import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { TidemillError } from '@tidemill/core'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ErrorInfoSchema } from '../src/gen/google/rpc/error_details_pb.ts'
import { StatusSchema } from '../src/gen/google/rpc/status_pb.ts'
import { failureName, RpcError, rpcErrorOf, tidemillErrorOf } from '../src/index.ts'

const coded = (http: number, details: Record<string, unknown> = {}): TidemillError =>
  new TidemillError('TM_KV_FULL', 'the store is full', {
    hint: 'compact it',
    http,
    retryable: true,
    details,
  })

const withInfo = (
  domain: string,
  reason: string,
  metadata: Record<string, string> = {},
): RpcError =>
  new RpcError('INTERNAL', 'x', {
    details: toBinary(
      StatusSchema,
      create(StatusSchema, {
        code: 13,
        message: 'text',
        details: [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { domain, reason, metadata }))],
      }),
    ),
  })

describe('coded errors as statuses', () => {
  it('gives the caller the error that the service threw', () => {
    const sent = rpcErrorOf(coded(507, { used: 7, names: ['a'] }))
    assert.equal(sent.status, 8)
    assert.equal(sent.statusMessage, 'the store is full')
    const got = tidemillErrorOf(sent)
    assert.ok(got !== undefined)
    assert.equal(got.code, 'TM_KV_FULL')
    assert.equal(got.text, 'the store is full')
    assert.equal(got.hint, 'compact it')
    assert.equal(got.http, 507)
    assert.equal(got.retryable, true)
    assert.deepEqual(got.details, { used: 7, names: ['a'] })
    assert.equal(got.cause, sent)
    assert.equal(failureName(sent), 'TM_KV_FULL')
  })

  it('chooses the status by the HTTP status', () => {
    const table = { 400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 412: 9, 429: 8, 500: 13, 501: 12 }
    for (const [http, status] of Object.entries({ ...table, 503: 14, 504: 4 })) {
      assert.equal(rpcErrorOf(coded(Number(http))).status, status, http)
    }
  })

  it('leaves details out that would not fit the trailers', () => {
    const sent = rpcErrorOf(coded(500, { long: 'x'.repeat(5000) }))
    assert.ok((sent.statusDetails?.length ?? 0) < 1000)
    assert.deepEqual(tidemillErrorOf(sent)?.details, {})
    assert.equal(tidemillErrorOf(sent)?.code, 'TM_KV_FULL')
  })

  it('takes no code from a foreign domain, and none that is not ours in form', () => {
    assert.equal(tidemillErrorOf(withInfo('googleapis.com', 'TM_KV_FULL')), undefined)
    assert.equal(tidemillErrorOf(withInfo('tidemill.dev', 'tm_kv')), undefined)
    assert.equal(failureName(withInfo('googleapis.com', 'TM_KV_FULL')), 'INTERNAL')
    assert.equal(tidemillErrorOf(withInfo('tidemill.dev', 'TM_KV_FULL'))?.http, 500)
  })

  it('knows nothing of bytes that are damaged', () => {
    const bytes = rpcErrorOf(coded(500)).statusDetails as Uint8Array
    assert.ok(fromBinary(StatusSchema, bytes))
    for (let at = 0; at < bytes.length; at++) {
      const cut = new RpcError('INTERNAL', 'x', { details: bytes.slice(0, at) })
      const got = tidemillErrorOf(cut)
      assert.ok(got === undefined || got.code === 'TM_KV_FULL', String(at))
      const turned = Uint8Array.from(bytes)
      turned[at] = 0xff ^ (turned[at] as number)
      tidemillErrorOf(new RpcError('INTERNAL', 'x', { details: turned }))
    }
    const noJson = withInfo('tidemill.dev', 'TM_KV_FULL', { details: '{' })
    assert.equal(tidemillErrorOf(noJson), undefined)
    assert.equal(tidemillErrorOf(new RpcError('INTERNAL', 'x')), undefined)
  })

  it('names every failure', () => {
    assert.equal(failureName(new RpcError('ABORTED', 'x')), 'ABORTED')
    assert.equal(failureName(coded(500)), 'TM_KV_FULL')
    assert.equal(failureName(new Error('x')), 'UNKNOWN')
    assert.equal(failureName(undefined), 'UNKNOWN')
  })
})
