import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { after, describe, it } from 'node:test'
import { createAdminClient } from '../src/admin-client.ts'

describe('admin client', () => {
  const servers: Server[] = []
  after(() => {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
  })

  async function answering(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as { readonly port: number }).port}`
  }

  it('gives the data of a document and rebuilds the error of a problem document', async () => {
    const url = await answering((request, response) => {
      if (request.url === '/good') response.end('{"schema":"x","data":{"a":1}}')
      else {
        response.statusCode = 404
        response.end(
          '{"code":"TM_PLATFORM_NOT_FOUND","detail":"there is no key","hint":"list","problems":[{"path":"/k","message":"m"}]}',
        )
      }
    })
    const client = createAdminClient(`${url}/`, new AbortController().signal)
    assert.deepEqual(await client.get('/good'), { a: 1 })
    await assert.rejects(client.get('/bad'), {
      code: 'TM_PLATFORM_NOT_FOUND',
      http: 404,
      hint: 'list',
      details: { problems: [{ path: '/k', message: 'm' }] },
    })
  })
  it('says so when what answers is no platform', async () => {
    const url = await answering((_, response) => {
      response.statusCode = 502
      response.end('<html>')
    })
    const client = createAdminClient(url, new AbortController().signal)
    await assert.rejects(client.get('/api/v1/overview'), { code: 'TM_CLI_ANSWER' })
  })
  it('reads server-sent events however they are cut', async () => {
    const url = await answering((_, response) => {
      response.write('retry: 1000\n\nevent: a\nda')
      setImmediate(() => response.end('ta: {"n":1}\n\n: beat\n\nevent: b\ndata: 2\n\n'))
    })
    const seen: unknown[] = []
    const client = createAdminClient(url, new AbortController().signal)
    for await (const message of client.stream('/s')) seen.push(message)
    assert.deepEqual(seen, [
      { event: 'a', data: { n: 1 } },
      { event: 'b', data: 2 },
    ])
  })
})
