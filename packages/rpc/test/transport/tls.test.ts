import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { createChannel, type Peer } from '../../src/index.ts'
import { connectPair, pairs } from '../support/pair.ts'

const authority = createTestAuthority()
const other = createTestAuthority()
const server = authority.issue({ names: ['localhost', '127.0.0.1'] })
const client = authority.issue({ names: ['alice.example'], client: true })
const stranger = other.issue({ names: ['mallory.example'], client: true })

for (const names of pairs) {
  describe(`TLS, ${names.client} client and ${names.server} server`, () => {
    it('encrypts, and checks the server by its authority and name', async () => {
      let peer: Peer | undefined
      const handlers = {
        emptyCall: (_request: unknown, ctx: { readonly peer: Peer }) => {
          peer = ctx.peer
          return {}
        },
      }
      await using pair = await connectPair(names, TestService, handlers, {
        server: { tls: server },
        channel: { tls: { ca: authority.ca } },
      })
      assert.ok(await pair.channel.client(TestService).emptyCall({}))
      assert.equal(peer?.encrypted, true)
      assert.equal(peer?.certificate, undefined)
      for (const tls of [{ ca: other.ca }, { ca: authority.ca, serverName: 'elsewhere.example' }]) {
        const channel = createChannel(`127.0.0.1:${pair.port}`, { h2: names.client, tls })
        await assert.rejects(channel.client(TestService).emptyCall({}), {
          status: 14,
          outcome: 'unsent',
        })
        await channel.close()
      }
      const plain = createChannel(`127.0.0.1:${pair.port}`, { h2: names.client })
      await assert.rejects(plain.client(TestService).emptyCall({}, { deadline: '5s' }), {
        status: 14,
        outcome: 'unsent',
      })
      await plain.close()
    })

    it('takes only clients with a certificate of the authority, and shows it to handlers', async () => {
      let subject = ''
      const handlers = {
        emptyCall: (_request: unknown, ctx: { readonly peer: Peer }) => {
          subject = `${ctx.peer.certificate?.subject} ${ctx.peer.certificate?.names}`
          return {}
        },
      }
      await using pair = await connectPair(names, TestService, handlers, {
        server: { tls: { ...server, clientCa: authority.ca } },
        channel: { tls: { ca: authority.ca, ...client } },
      })
      assert.ok(await pair.channel.client(TestService).emptyCall({}))
      assert.match(subject, /alice\.example/u)
      for (const own of [{}, stranger]) {
        const channel = createChannel(`127.0.0.1:${pair.port}`, {
          h2: names.client,
          tls: { ca: authority.ca, ...own },
        })
        await assert.rejects(channel.client(TestService).emptyCall({}, { deadline: '5s' }), {
          status: 14,
        })
        await channel.close()
      }
    })
  })
}
