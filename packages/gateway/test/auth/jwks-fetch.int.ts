import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { fetchJwks, mostJwksBytes } from '../../src/auth/index.ts'

describe('fetching a key set', () => {
  it('takes an answer, and no redirect, error, endless body or closed port', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/ok') response.end('{"keys":[]}')
      else if (request.url === '/moved') response.writeHead(302, { location: '/ok' }).end()
      else if (request.url === '/large') response.end(Buffer.alloc(mostJwksBytes + 1))
      else response.writeHead(500).end('no')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const get = (url: string): Promise<string> =>
      new Promise((resolve) => {
        fetchJwks(url, (error, body) => {
          resolve(error === undefined ? Buffer.from(body ?? '').toString() : 'failed')
        })
      })
    try {
      assert.equal(await get(`${origin}/ok`), '{"keys":[]}')
      assert.equal(await get(`${origin}/moved`), 'failed')
      assert.equal(await get(`${origin}/large`), 'failed')
      assert.equal(await get(`${origin}/error`), 'failed')
    } finally {
      server.closeAllConnections()
      server.close()
    }
    assert.equal(await get(`${origin}/ok`), 'failed')
  })
})
