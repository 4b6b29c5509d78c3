import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { createServer, type Handlers, type ServerOptions } from '../../src/index.ts'
import { transports } from '../support/pair.ts'
import { frame, rawClient } from '../support/raw-client.ts'

const empty = frame(new Uint8Array())

for (const h2 of transports) {
  const serve = async (over: Handlers<typeof TestService> = {}, options: ServerOptions = {}) => {
    let calls = 0
    const server = createServer({ h2, ...options }).add(TestService, {
      unaryCall: () => {
        calls++
        return {}
      },
      ...over,
    })
    const { port } = await server.listen('127.0.0.1:0')
    const client = rawClient(port)
    return {
      server,
      client,
      port,
      calls: () => calls,
      async [Symbol.asyncDispose]() {
        await client[Symbol.asyncDispose]()
        await server.close()
      },
    }
  }

  describe(`server against clients that err, ${h2}`, () => {
    it('answers a whole call with headers, message and trailers', async () => {
      await using peer = await serve()
      const answer = await peer.client.send({}, [empty])
      assert.equal(answer.headers[':status'], 200)
      assert.equal(answer.headers['content-type'], 'application/grpc')
      assert.deepEqual([...answer.body], [0, 0, 0, 0, 0])
      assert.equal(answer.trailers['grpc-status'], '0')
    })

    it('takes a request one byte at a time', async () => {
      await using peer = await serve()
      const bytes = [...frame(Buffer.from('1a03120161', 'hex'))].map((byte) => Buffer.from([byte]))
      assert.equal((await peer.client.send({}, bytes)).status, '0')
    })

    it('answers 415 to what is no gRPC and 405 to what is no POST', async () => {
      await using peer = await serve()
      for (const type of [
        'application/json',
        'application/grpcx',
        'text/plain',
        'application/grpc+json',
        '',
      ]) {
        const answer = await peer.client.send({ 'content-type': type }, [empty])
        assert.equal(answer.headers[':status'], 415, type)
      }
      for (const type of [
        'application/grpc+proto',
        'application/grpc; charset=x',
        'Application/GRPC',
      ]) {
        assert.equal((await peer.client.send({ 'content-type': type }, [empty])).status, '0', type)
      }
      const get = await peer.client.send({ ':method': 'PUT' }, [empty])
      assert.equal(get.headers[':status'], 405)
      assert.equal(peer.calls(), 3)
    })

    it('answers UNIMPLEMENTED to paths that are not /service/method', async () => {
      await using peer = await serve()
      for (const path of ['/', '/a', '/a/b/c', '/grpc.testing.TestService/Nothing', '/a/b?c']) {
        assert.equal((await peer.client.send({ ':path': path }, [empty])).status, '12', path)
      }
    })

    it('refuses malformed timeouts, and expired ones without asking the handler', async () => {
      await using peer = await serve()
      for (const timeout of ['1', 'S', '123456789S', '1x', '-1S']) {
        assert.equal(
          (await peer.client.send({ 'grpc-timeout': timeout }, [empty])).status,
          '13',
          timeout,
        )
      }
      assert.equal((await peer.client.send({ 'grpc-timeout': '0n' }, [empty])).status, '4')
      assert.equal(peer.calls(), 0)
    })

    it('refuses encodings that it does not have, and says which it has', async () => {
      await using peer = await serve()
      const answer = await peer.client.send({ 'grpc-encoding': 'br' }, [empty])
      assert.equal(answer.status, '12')
      assert.equal(answer.headers['grpc-accept-encoding'], 'identity,gzip')
      assert.equal(peer.calls(), 0)
    })

    it('refuses binary metadata that is no base64', async () => {
      await using peer = await serve()
      assert.equal((await peer.client.send({ 'x-bin': '!' }, [empty])).status, '13')
      assert.equal((await peer.client.send({ 'x-bin': 'AQ==' }, [empty])).status, '0')
    })

    it('judges framing: flags, lengths, ends inside a message, bytes that are no message', async () => {
      await using peer = await serve()
      const send = async (bytes: Buffer, headers = {}) =>
        (await peer.client.send(headers, [bytes])).status
      assert.equal(await send(frame(new Uint8Array(2), 2)), '13', 'flag 2')
      assert.equal(await send(frame(new Uint8Array(2), 1)), '13', 'flag 1 without an encoding')
      assert.equal(
        await send(frame(gzipSync('')), { 'grpc-encoding': 'gzip' }),
        '13',
        'gzip as a message',
      )
      assert.equal(await send(frame(gzipSync(''), 1), { 'grpc-encoding': 'gzip' }), '0', 'gzip')
      assert.equal(
        await send(frame(Buffer.from('no'), 1), { 'grpc-encoding': 'gzip' }),
        '13',
        'no gzip',
      )
      assert.equal(await send(Buffer.from('00ffffffff', 'hex')), '8', 'four gigabytes')
      assert.equal(await send(Buffer.from('000000000501', 'hex')), '13', 'end inside a message')
      assert.equal(await send(Buffer.from('0000', 'hex')), '13', 'end inside a prefix')
      assert.equal(await send(frame(Buffer.from([0xff]))), '13', 'no message')
      assert.equal(await send(Buffer.alloc(0)), '12', 'no message at all')
      assert.equal(await send(Buffer.concat([empty, empty])), '12', 'two messages')
    })

    it('holds only the windows of streams that nobody reads', async () => {
      const window = 65_536
      await using peer = await serve(
        {
          fullDuplexCall: async function* (_requests, ctx) {
            await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
            yield* []
          },
        },
        { flow: { stream: window, autoTune: false } },
      )
      const streams = Array.from({ length: 50 }, () => {
        const stream = peer.client.session.request({
          ':method': 'POST',
          ':path': '/grpc.testing.TestService/FullDuplexCall',
          'content-type': 'application/grpc',
          te: 'trailers',
        })
        stream.on('error', () => {})
        stream.write(frame(new Uint8Array(1_000_000)))
        return stream
      })
      // Other calls on the connection go on all the same.
      for (let i = 0; i < 20; i++) assert.equal((await peer.client.send({}, [empty])).status, '0')
      const received = peer.server.stats().perConnection[0]?.bytesReceived ?? 0
      assert.ok(received > 0 && received < 50 * (window + 16_384) + 100_000, `received ${received}`)
      for (const stream of streams) stream.close(8)
    })

    it('tells its handler when the client resets or disappears', async () => {
      const ended: unknown[] = []
      let began = Promise.withResolvers<void>()
      let over = Promise.withResolvers<void>()
      await using peer = await serve({
        unaryCall: (_request, ctx) =>
          new Promise((_, reject) => {
            ctx.signal.addEventListener('abort', () => {
              ended.push(ctx.cancelled)
              over.resolve()
              reject(ctx.signal.reason as Error)
            })
            began.resolve()
          }),
      })
      const stream = peer.client.session.request({
        ':method': 'POST',
        ':path': '/grpc.testing.TestService/UnaryCall',
        'content-type': 'application/grpc',
      })
      stream.on('error', () => {})
      stream.end(empty)
      await began.promise
      stream.close(8)
      await over.promise
      began = Promise.withResolvers()
      over = Promise.withResolvers()
      void peer.client.send({}, [empty])
      await began.promise
      peer.client.session.socket.destroy()
      await over.promise
      assert.deepEqual(ended, ['client', 'connection'])
    })

    it('ends connections that ping too often, with too_many_pings', async () => {
      await using peer = await serve()
      const { session } = peer.client
      const debug = new Promise<string>((resolve) => {
        session.on('goaway', (code, _last, data) => resolve(`${code} ${String(data)}`))
      })
      await new Promise((resolve) => session.once('remoteSettings', resolve))
      for (let i = 0; i < 6; i++) session.ping(() => {})
      assert.equal(await debug, '11 too_many_pings')
    })
  })
}
