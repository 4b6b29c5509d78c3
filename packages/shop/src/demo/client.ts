import { Agent, request } from 'node:http'
import type { ErrorJson, TidemillError } from '@tidemill/core'
import { shopErrors } from '../errors.ts'

export interface DemoAnswer {
  readonly status: number
  /** The TM_ code of a problem document; empty otherwise. */
  readonly code: string
  readonly body: unknown
}

/** A keep-alive HTTP/1.1 client for one base URL. */
export interface DemoClient {
  send(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<DemoAnswer>
  close(): void
}

export function createDemoClient(baseUrl: string, connections: number): DemoClient {
  const { hostname, port } = new URL(baseUrl)
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return {
    send(method, path, body, headers) {
      const text = body === undefined ? '' : JSON.stringify(body)
      return new Promise((resolve, reject) => {
        const call = request(
          {
            agent,
            hostname,
            port,
            method,
            path,
            headers: {
              ...headers,
              ...(text === '' ? {} : { 'content-type': 'application/json' }),
              'content-length': Buffer.byteLength(text),
            },
          },
          (response) => {
            const chunks: Buffer[] = []
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.on('error', reject)
            response.on('end', () => {
              const parsed = parse(Buffer.concat(chunks).toString())
              resolve({ status: response.statusCode ?? 0, code: codeOf(parsed), body: parsed })
            })
          },
        )
        call.on('error', reject)
        call.end(text)
      })
    },
    close: () => agent.destroy(),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function codeOf(body: unknown): string {
  const code = (body as Partial<ErrorJson> | null)?.code
  return typeof code === 'string' ? code : ''
}

/** The error of an answer that the demo did not expect. */
export function refused(
  method: string,
  path: string,
  { status, code, body }: DemoAnswer,
): TidemillError {
  return shopErrors.error('TM_SHOP_DEMO_REFUSED', { method, path, status, code, body })
}
