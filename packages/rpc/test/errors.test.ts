import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemillError } from '@tidemill/core'
import {
  createChannel,
  createServer,
  isRpcError,
  Metadata,
  RpcError,
  status,
  statusName,
} from '../src/index.ts'
import { statusFromHttp, statusFromReset } from '../src/status.ts'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'

const codes = [
  'TM_RPC_CANCELLED',
  'TM_RPC_UNKNOWN',
  'TM_RPC_INVALID_ARGUMENT',
  'TM_RPC_DEADLINE_EXCEEDED',
  'TM_RPC_NOT_FOUND',
  'TM_RPC_ALREADY_EXISTS',
  'TM_RPC_PERMISSION_DENIED',
  'TM_RPC_RESOURCE_EXHAUSTED',
  'TM_RPC_FAILED_PRECONDITION',
  'TM_RPC_ABORTED',
  'TM_RPC_OUT_OF_RANGE',
  'TM_RPC_UNIMPLEMENTED',
  'TM_RPC_INTERNAL',
  'TM_RPC_UNAVAILABLE',
  'TM_RPC_DATA_LOSS',
  'TM_RPC_UNAUTHENTICATED',
]

describe('RpcError', () => {
  it('carries the code of its status', () => {
    for (const [index, code] of codes.entries()) {
      const error = new RpcError((index + 1) as 1, 'why {text} $&')
      assert.equal(error.code, code)
      assert.equal(error.status, index + 1)
      assert.equal(error.statusMessage, 'why {text} $&')
      assert.ok(error.message.endsWith('why {text} $&'))
      assert.ok(TidemillError.is(error, error.code))
      assert.ok(isRpcError(error))
    }
    assert.equal(new RpcError('NOT_FOUND', '').status, status.NOT_FOUND)
    assert.equal(isRpcError(new Error('x')), false)
  })

  it('says whether the call may have run', () => {
    assert.equal(new RpcError('UNAVAILABLE', '', { outcome: 'unsent' }).mayHaveRun, false)
    assert.equal(new RpcError('UNAVAILABLE', '', { outcome: 'unknown' }).mayHaveRun, true)
  })
})

describe('status tables', () => {
  it('maps HTTP status codes as http-grpc-status-mapping says', () => {
    const expected = {
      400: 13,
      401: 16,
      403: 7,
      404: 12,
      429: 14,
      502: 14,
      503: 14,
      504: 14,
      500: 2,
      200: 2,
      302: 2,
    }
    for (const [http, code] of Object.entries(expected))
      assert.equal(statusFromHttp(Number(http)), code, http)
  })

  it('maps RST_STREAM codes as PROTOCOL-HTTP2 says', () => {
    const expected = [13, 13, 13, 13, 13, 13, 13, 14, 1, 13, 13, 8, 7, 13]
    assert.deepEqual(
      expected.map((_, code) => statusFromReset(code)),
      expected,
    )
  })

  it('names numbers that gRPC does not define UNKNOWN', () => {
    assert.equal(statusName(99), 'UNKNOWN')
  })
})

describe('mistakes of the program', () => {
  it('refuses wrong options with their name', () => {
    assert.throws(() => createServer({ maxReceive: 'much' }), { code: 'TM_RPC_OPTION' })
    for (const keepalive of [{ time: 'soon' }, { maxAge: '5' }, { minPingInterval: '' }]) {
      assert.throws(() => createServer({ keepalive }), { code: 'TM_RPC_OPTION' })
    }
    assert.throws(() => createServer({ maxConcurrentStreams: 0 }), { code: 'TM_RPC_OPTION' })
    assert.throws(() => createServer({ flow: { stream: 2 ** 31 } }), { code: 'TM_RPC_OPTION' })
    assert.throws(() => createChannel('127.0.0.1:1', { deadline: 'soon' }), {
      code: 'TM_RPC_OPTION',
    })
    assert.throws(() => createChannel('127.0.0.1:1', { deadline: -1 }), { code: 'TM_RPC_OPTION' })
  })

  it('refuses to serve a service or a path twice, and what is no function', () => {
    const server = createServer().add(TestService, {})
    assert.throws(() => server.add(TestService, {}), { code: 'TM_RPC_SERVICE' })
    const raw = { kind: 'unary', handler: (bytes: never) => bytes } as const
    server.addRaw('/a/b', raw)
    assert.throws(() => server.addRaw('/a/b', raw), { code: 'TM_RPC_SERVICE' })
    assert.throws(() => createServer().add(TestService, { emptyCall: 1 as never }), {
      code: 'TM_RPC_SERVICE',
    })
  })

  it('refuses an address that is none, and one that is taken', async () => {
    for (const h2 of ['native', 'node'] as const) {
      await using server = createServer({ h2 })
      await assert.rejects(server.listen('nonsense'), { code: 'TM_RPC_LISTEN' })
      await assert.rejects(server.listen('127.0.0.1:99999'), { code: 'TM_RPC_LISTEN' })
      const { target } = await server.listen('127.0.0.1:0')
      await using second = createServer({ h2 })
      await assert.rejects(second.listen(target), { code: 'TM_RPC_LISTEN' })
    }
  })

  it('refuses metadata that cannot be sent before the call begins', () => {
    const channel = createChannel('127.0.0.1:1')
    assert.throws(() => channel.client(TestService).emptyCall({}, { metadata: { a: 'ü' } }), {
      code: 'TM_RPC_METADATA',
    })
    assert.equal(channel.stats().callsOpen, 0)
    assert.ok(new Metadata().empty)
    return channel.close()
  })
})
