import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '@tidemill/core'

/** Server-sent events to every open console; each topic keeps only its newest state, so a slow reader skips. */
export interface EventStream {
  readonly clients: number
  /** Makes the newest state of a topic; it goes out with the next flush. */
  publish(topic: string, rev: number, data: unknown): void
  attach(response: ServerResponse): void
  close(): void
}

interface Client {
  readonly response: ServerResponse
  readonly sent: Map<string, number>
  blocked: boolean
}

const flushMs = 250
const heartbeatMs = 10_000

export function createEventStream(clock: Clock, maxClients = 64): EventStream {
  const newest = new Map<string, { readonly rev: number; readonly text: string }>()
  const clients = new Set<Client>()
  let flushTimer: Timer | undefined
  let beat: Timer | undefined
  let closed = false

  const send = (client: Client): void => {
    for (const [topic, state] of newest) {
      if (client.blocked) return
      if (client.sent.get(topic) === state.rev) continue
      client.sent.set(topic, state.rev)
      client.blocked = !client.response.write(state.text)
    }
  }
  const flush = (): void => {
    flushTimer = undefined
    for (const client of clients) send(client)
  }
  const heartbeat = (): void => {
    for (const client of clients) if (!client.blocked) client.response.write(': beat\n\n')
    beat = clients.size > 0 ? clock.timer(heartbeatMs, heartbeat, { ref: false }) : undefined
  }
  return {
    get clients() {
      return clients.size
    },
    publish(topic, rev, data) {
      if (newest.get(topic)?.rev === rev) return
      newest.set(topic, {
        rev,
        text: `id: ${rev}\nevent: ${topic}\ndata: ${JSON.stringify(data)}\n\n`,
      })
      if (!closed) flushTimer ??= clock.timer(flushMs, flush, { ref: false })
    },
    attach(response) {
      if (closed || clients.size >= maxClients) {
        response.writeHead(503, { 'retry-after': '5' }).end()
        return
      }
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.write('retry: 1000\n\n')
      const client: Client = { response, sent: new Map(), blocked: false }
      clients.add(client)
      response.on('drain', () => {
        client.blocked = false
        send(client)
      })
      response.on('close', () => clients.delete(client))
      beat ??= clock.timer(heartbeatMs, heartbeat, { ref: false })
      send(client)
    },
    close() {
      closed = true
      flushTimer?.cancel()
      beat?.cancel()
      for (const client of clients) client.response.end()
      clients.clear()
    },
  }
}
