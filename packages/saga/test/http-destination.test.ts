import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import type { TidemillError } from '@tidemill/core'
import { httpDestination, type StepRequest } from '@tidemill/saga'

const request: StepRequest = {
  sagaId: 's1',
  type: 'order',
  tenant: '',
  bizKey: 'A',
  step: 'charge',
  direction: 'action',
  attempt: 1,
  payload: { amount: 5 },
  results: {},
}

async function ask(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<{ readonly answer: unknown; readonly urls: readonly string[] }> {
  const urls: string[] = []
  const server: Server = createServer((req, res) => {
    urls.push(`${req.url} ${String(req.headers['idempotency-key'])}`)
    req.resume().on('end', () => answer(req, res))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const destination = httpDestination({ url: `http://127.0.0.1:${port}/step` })
    const signal = new AbortController().signal
    return { answer: await destination(request, { signal, timeoutMs: 5000 }), urls }
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

function reply(status: number, body: string, headers: Record<string, string> = {}) {
  return (_req: IncomingMessage, res: ServerResponse) => res.writeHead(status, headers).end(body)
}

describe('httpDestination', () => {
  it('takes 200 as done, with the result of the body and the keys of the step in the address', async () => {
    const { answer, urls } = await ask(reply(200, '{"outcome":"duplicate","result":{"n":1}}'))
    assert.deepEqual(answer, { outcome: 'duplicate', result: { n: 1 } })
    assert.deepEqual(urls, [
      '/step?trans_type=saga&gid=s1&branch_id=charge&op=action s1/charge/action',
    ])
  })

  it('takes 409 as refused and 425 as still running', async () => {
    const refused = await ask(reply(409, '{"reason":"no money"}'))
    assert.deepEqual(refused.answer, { outcome: 'rejected', reason: 'no money', result: null })
    const running = await ask(reply(425, '', { 'retry-after': '3' }))
    assert.deepEqual(running.answer, { outcome: 'running', retryAfterMs: 3000 })
  })

  it('takes a body that is not JSON or longer than 64 KiB by its status code', async () => {
    assert.deepEqual((await ask(reply(200, 'OK'))).answer, { outcome: 'executed', result: null })
    const long = await ask(reply(200, `{"result":"${'x'.repeat(1_000_000)}"}`))
    assert.deepEqual(long.answer, { outcome: 'executed', result: null })
  })

  it('takes everything else as unknown and follows no redirect', async () => {
    await assert.rejects(ask(reply(503, '', { 'retry-after': '2' })), (error: TidemillError) => {
      assert.equal(error.code, 'TM_SAGA_DESTINATION')
      assert.equal(error.details['retryAfterMs'], 2000)
      return true
    })
    const moved = reply(302, '', { location: 'http://127.0.0.1:1/elsewhere' })
    await assert.rejects(ask(moved), { code: 'TM_SAGA_DESTINATION' })
  })
})
