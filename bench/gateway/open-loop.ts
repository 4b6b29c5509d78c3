/**
 * Sends requests at a fixed rate, whether or not earlier ones were answered, and measures each from the time at which it
 * was due: `node open-loop.ts --port N --rate 6000 --seconds 3 --target /x` prints JSON. The requests of the first
 * `--warmup` seconds are not timed. 429 is no error, but counted by itself.
 */
import { parseArgs } from 'node:util'
import { createHistogram } from '@tidemill/core'
import { type ClientHandler, connectHttp1, type Http1Client } from '@tidemill/http1/node'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    target: { type: 'string', default: '/' },
    warmup: { type: 'string', default: '1' },
  },
})
const port = Number(values.port)
const perMs = Number(values.rate) / 1000
const idle: Http1Client[] = []
const latency = createHistogram()
let errors = 0
let refused = 0
/** Answers of another status than 200 and 429. */
let wrong = 0
let done = 0
let sent = 0

const handler: ClientHandler = {
  onResponse(_exchange, head) {
    if (head.status === 429) refused++
    else if (head.status !== 200) wrong++
  },
  onBody: () => undefined,
  onEnd(exchange) {
    const { client, due } = exchange.state as { client: Http1Client; due: number }
    if (due >= counted) latency.record(performance.now() - due)
    done++
    endedAt = performance.now()
    idle.push(client)
  },
  onError() {
    errors++
  },
}

const count = Number(values.connections)
for (let i = 0; i < count; i++) idle.push(await connectHttp1({ port }))
const headers = ['host', `127.0.0.1:${port}`]
const started = performance.now()
const counted = started + Number(values.warmup) * 1000
const seconds = Number(values.seconds) + Number(values.warmup)
let endedAt = started
const total = Math.round(Number(values.rate) * seconds)

/** The timer wakes once a millisecond; what is sent later than that was held up, and its time runs from when it was due. */
const timerMs = 2

function tick(): void {
  const now = performance.now() - started
  // What is due and has no free connection waits: its time runs on.
  while (sent < total && sent / perMs <= now && idle.length > 0) {
    const client = idle.pop() as Http1Client
    const planned = started + sent / perMs
    const due = started + now - planned > timerMs ? planned : performance.now()
    client.request({ method: 'GET', target: values.target, headers }, handler).state = {
      client,
      due,
    }
    sent++
  }
  if (done + errors < total && now < seconds * 1000 + 5000) setTimeout(tick, 1)
  else report()
}

function report(): void {
  const result = {
    requests: done,
    refused,
    errors: wrong + (total - done),
    elapsedMs: endedAt - started,
    p50Ms: latency.percentile(50),
    p99Ms: latency.percentile(99),
    maxMs: latency.percentile(100),
  }
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}
tick()
