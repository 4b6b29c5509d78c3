import type { JwksFetch } from './jwks-cache.ts'
import { mostJwksBytes } from './jwks-cache.ts'

/** Fetches key sets over HTTPS with the platform's client; redirects are not followed, larger answers are given up. */
export const fetchJwks: JwksFetch = (uri, done) => {
  const abort = new AbortController()
  read(uri, abort).then(
    (body) => done(undefined, body),
    (error: unknown) => done(error, undefined),
  )
  return () => abort.abort()
}

async function read(uri: string, abort: AbortController): Promise<Uint8Array> {
  const response = await fetch(uri, {
    signal: abort.signal,
    redirect: 'error',
    headers: { accept: 'application/jwk-set+json, application/json' },
  })
  const parts: Uint8Array[] = []
  let length = 0
  if (response.status !== 200 || response.body === null) {
    abort.abort()
    throw new Error(`the answer has status ${response.status}`)
  }
  for await (const part of response.body) {
    length += part.length
    if (length > mostJwksBytes) {
      abort.abort()
      throw new Error(`the answer is longer than ${mostJwksBytes} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts)
}
