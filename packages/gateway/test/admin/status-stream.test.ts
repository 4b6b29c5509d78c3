import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openTestAdmin, route, token } from './fixture.ts'

interface Shown {
  readonly revision: number
  readonly objects: readonly { readonly key: string }[]
}

async function* events(response: Response): AsyncGenerator<Shown> {
  const decoder = new TextDecoder()
  let buffer = ''
  for await (const chunk of response.body ?? []) {
    buffer += decoder.decode(chunk as Uint8Array, { stream: true })
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const data = /^data: (.*)$/mu.exec(buffer.slice(0, end))?.[1]
      buffer = buffer.slice(end + 2)
      if (data !== undefined) yield JSON.parse(data) as Shown
    }
  }
}

describe('the status of the admin API', () => {
  it('comes as events: one at the start, one after each change', async () => {
    await using opened = await openTestAdmin()
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${opened.admin.url}/v1/status?watch=1`, { headers })
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    const stream = events(response)
    const first = (await stream.next()).value as Shown
    assert.deepEqual(first.objects, [])
    await opened.call('PUT', '/v1/objects/HTTPRoute/default/web', { body: route('web') })
    const second = (await stream.next()).value as Shown
    assert.deepEqual(
      second.objects.map(({ key }) => key),
      ['default/web'],
    )
    assert.equal(second.revision, opened.runtime.revision)
    await stream.return(undefined)
  })
  it('ends its streams when it is closed', async () => {
    const opened = await openTestAdmin()
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${opened.admin.url}/v1/status?watch=1`, { headers })
    const stream = events(response)
    await stream.next()
    await opened.admin.close()
    assert.equal((await stream.next()).done, true)
  })
  it('is one document without watch', async () => {
    await using opened = await openTestAdmin()
    const { data } = await opened.call('GET', '/v1/status')
    assert.deepEqual(Object.keys(data), ['revision', 'objects', 'sockets'])
  })
})
