import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createChannel, createServer } from '../../src/index.ts'
import { transports } from '../support/pair.ts'

for (const h2 of transports) {
  describe(`methods as bytes, ${h2}`, () => {
    it('serves one path, and every other one by the fallback', async () => {
      await using server = createServer({ h2 })
      server.addRaw('/a.B/Twice', {
        kind: 'unary',
        handler: (bytes: Uint8Array) => Buffer.concat([bytes, bytes]),
      })
      server.addRaw('*', {
        kind: 'bidi_streaming',
        async *handler(requests: AsyncIterable<Uint8Array>, ctx) {
          yield Buffer.from(ctx.method)
          yield* requests
        },
      })
      const { target } = await server.listen('127.0.0.1:0')
      const channel = createChannel(target, { h2 })
      const twice = await channel.unaryRaw('/a.B/Twice', Buffer.from('ab'))
      assert.equal(Buffer.from(twice).toString(), 'abab')
      const call = channel.openRaw({ path: '/any/Thing', kind: 'bidi_streaming' })
      await call.send(Buffer.from('hello'))
      call.end()
      const answers: string[] = []
      for (let one = await call.receive(); one !== undefined; one = await call.receive()) {
        answers.push(Buffer.from(one).toString())
      }
      assert.deepEqual(answers, ['/any/Thing', 'hello'])
      await channel.close()
    })
  })
}
