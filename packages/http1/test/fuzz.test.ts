import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom } from '@tidemill/core'
import type { HeaderList, RequestHead, ResponseHead } from '@tidemill/http1'
import { mutate, seeds } from './mutation.ts'
import { latin1, type Recorder, requestParse, responseParse } from './recorder.ts'
import {
  referenceParse,
  type ReferenceRequest,
  type ReferenceResponse,
  referenceResponses,
} from './reference-parser.ts'

const runs = Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 100_000)
const seed = Number(process.env['TIDEMILL_FUZZ_SEED'] ?? 1)

/** What the codec made of it, in the words of the reference. */
function requestsOf(recorder: Recorder): ReferenceRequest[] {
  const out: ReferenceRequest[] = []
  let head: RequestHead | undefined
  let body = ''
  for (const event of recorder.events) {
    if ('head' in event) {
      head = event.head as RequestHead
      body = ''
    } else if ('body' in event) body = event.body
    else if ('end' in event && head !== undefined) {
      const { method, uri, authority, headers, keepAlive } = head
      const trailers: HeaderList = event.end
      out.push({ method, uri, authority, headers, keepAlive, body, trailers })
    }
  }
  return out
}

describe('mutated bytes', () => {
  it('are read as the reference parser reads them, at any split', () => {
    const random = createSeededRandom(seed)
    const parse = requestParse()
    let accepted = 0
    for (let run = 0; run < runs; run++) {
      const text = mutate(random, seeds[run % seeds.length] ?? '', seeds)
      const bytes = latin1(text)
      const ours = parse([bytes])
      const reference = referenceParse(text)
      const context = `seed ${seed} run ${run}: ${JSON.stringify(text)}`
      assert.equal(
        ours.verdict === undefined,
        reference.accepted,
        `${context} ${ours.verdict?.reason}`,
      )
      if (reference.accepted) {
        accepted++
        assert.deepEqual(requestsOf(ours), reference.requests, context)
      }
      const first = random.integer(bytes.length + 1)
      const second = first + random.integer(bytes.length + 1 - first)
      const parts = [
        bytes.subarray(0, first),
        bytes.subarray(first, second),
        bytes.subarray(second),
      ]
      assert.deepEqual(parse(parts).events, ours.events, context)
    }
    // A fuzzer that only makes garbage, or nothing wrong, tells nothing.
    assert.ok(accepted > runs / 20 && accepted < runs * 0.9, `${accepted} of ${runs} accepted`)
  })

  it('of responses are read as the reference parser reads them, at any split', () => {
    const random = createSeededRandom(seed + 1)
    const responses = [
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 404 x\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx_y: 1\r\n\r\n',
      'HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\nuntil the end',
      'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nHTTP/1.1 200 \r\nConnection: close, x\r\n\r\nrest',
    ]
    const methods = ['GET', 'HEAD', 'GET']
    const parse = responseParse({}, methods)
    let accepted = 0
    for (let run = 0; run < runs / 2; run++) {
      const text = mutate(random, responses[run % responses.length] ?? '', responses)
      const bytes = latin1(text)
      const ours = parse([bytes])
      const reference = referenceResponses(text, methods)
      const context = `seed ${seed} run ${run}: ${JSON.stringify(text)}`
      const reason = ours.verdict?.reason
      assert.equal(reason === undefined, reference.accepted, `${context} ${reason}`)
      if (reference.accepted) {
        accepted++
        assert.deepEqual(responsesOf(ours), reference.responses, context)
      }
      const at = random.integer(bytes.length + 1)
      const parts = [bytes.subarray(0, at), bytes.subarray(at)]
      assert.deepEqual(parse(parts).events, ours.events, context)
    }
    assert.ok(accepted > runs / 100, `${accepted} accepted`)
  })
})

function responsesOf(recorder: Recorder): ReferenceResponse[] {
  const out: ReferenceResponse[] = []
  let head: ResponseHead | undefined
  let body = ''
  for (const event of recorder.events) {
    if ('head' in event) {
      head = event.head as ResponseHead
      body = ''
    } else if ('body' in event) body = event.body
    else if ('end' in event && head !== undefined) {
      const { status, headers, keepAlive } = head
      out.push({ status, headers, keepAlive, body, trailers: event.end })
    }
  }
  return out
}
