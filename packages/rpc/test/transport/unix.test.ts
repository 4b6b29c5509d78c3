import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { createChannel, createServer } from '../../src/index.ts'
import { pairs } from '../support/pair.ts'

for (const names of pairs) {
  describe(`unix sockets, ${names.client} client and ${names.server} server`, () => {
    it('carry calls, and leave no file behind', async () => {
      await using stack = new AsyncDisposableStack()
      const folder = await mkdtemp(join(tmpdir(), 'tidemill-rpc-'))
      stack.defer(() => rm(folder, { recursive: true }))
      let address = ''
      let authority: string | undefined
      const server = createServer({ h2: names.server }).add(TestService, {
        emptyCall: (_request, ctx) => {
          address = ctx.peer.address
          const at = ctx.requestHeaders.indexOf(':authority')
          authority = ctx.requestHeaders[at + 1]
          return {}
        },
      })
      stack.use(server)
      const { port, target } = await server.listen(`unix:${join(folder, 'a.sock')}`)
      assert.equal(port, 0)
      assert.equal(target, `unix:${join(folder, 'a.sock')}`)
      const channel = createChannel(target, { h2: names.client })
      assert.ok(await channel.client(TestService).emptyCall({}))
      assert.equal(address, 'unix:')
      assert.equal(authority, 'localhost')
      await channel.close()
      await server.close()
      assert.deepEqual(await readdir(folder), [])
    })

    it('do not replace a file, nor find a server where there is none', async () => {
      await using stack = new AsyncDisposableStack()
      const folder = await mkdtemp(join(tmpdir(), 'tidemill-rpc-'))
      stack.defer(() => rm(folder, { recursive: true }))
      const path = join(folder, 'taken')
      await writeFile(path, '')
      const server = createServer({ h2: names.server })
      stack.use(server)
      await assert.rejects(server.listen(`unix:${path}`), { code: 'TM_RPC_LISTEN' })
      const channel = createChannel(`unix:${join(folder, 'none')}`, { h2: names.client })
      stack.use(channel)
      await assert.rejects(channel.client(TestService).emptyCall({}), {
        status: 14,
        outcome: 'unsent',
      })
    })
  })
}
