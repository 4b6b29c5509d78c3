import { sagaErrors } from './errors.ts'
import type { Destination, Json, StepAnswer, StepRequest } from './step.ts'

export interface HttpDestinationOptions {
  /** Where the participant listens; the step's facts are added to the query as a DTM client expects them. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Of a longer body nothing more is read; the status code decides all the same. */
const bodyLimit = 65_536

/**
 * Speaks to a participant by HTTP as DTM does: POST with the payload as JSON; 200 is done, 409 refused, 425 still
 * running; everything else, a redirect and a broken connection among it, is an unknown outcome. Honours Retry-After.
 */
export function httpDestination(options: HttpDestinationOptions): Destination {
  return async (request, { signal }) => {
    const response = await fetch(addressOf(options.url, request), {
      method: 'POST',
      // Another host must never be asked to do the step.
      redirect: 'manual',
      signal,
      headers: {
        ...options.headers,
        'content-type': 'application/json',
        'idempotency-key': `${request.sagaId}/${request.step}/${request.direction}`,
      },
      body: JSON.stringify(request),
    })
    const text = await readSome(response)
    return answerOf(response.status, response.headers.get('retry-after'), text, options.url)
  }
}

function addressOf(url: string, request: StepRequest): URL {
  const address = new URL(url)
  address.searchParams.set('trans_type', 'saga')
  address.searchParams.set('gid', request.sagaId)
  address.searchParams.set('branch_id', request.step)
  address.searchParams.set('op', request.direction)
  return address
}

async function readSome(response: Response): Promise<string> {
  if (response.body === null) return ''
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body) {
    parts.push(part)
    length += part.length
    if (length >= bodyLimit) break
  }
  return Buffer.concat(parts).subarray(0, bodyLimit).toString('utf8')
}

function answerOf(status: number, retryAfter: string | null, text: string, to: string): StepAnswer {
  const seconds = Number(retryAfter ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : 0
  const body = bodyOf(text)
  if (status === 200) {
    const outcome = body?.outcome
    const known = outcome === 'duplicate' || outcome === 'null-compensated' ? outcome : 'executed'
    return { outcome: known, result: body?.result ?? null }
  }
  if (status === 409) {
    const reason = typeof body?.reason === 'string' ? body.reason : 'HTTP 409'
    return { outcome: 'rejected', reason, result: body?.result ?? null }
  }
  if (status === 425) return { outcome: 'running', retryAfterMs }
  throw sagaErrors.error('TM_SAGA_DESTINATION', { to, status, retryAfterMs })
}

interface AnswerBody {
  readonly outcome?: Json
  readonly reason?: Json
  readonly result?: Json
}

/** What is no JSON object says nothing; the status code has said it. */
function bodyOf(text: string): AnswerBody | undefined {
  try {
    const body = JSON.parse(text) as unknown
    return typeof body === 'object' && body !== null ? body : undefined
  } catch {
    return undefined
  }
}
