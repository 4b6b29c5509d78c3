import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  createSeededRandom,
  createVirtualClock,
  type Problem,
  realClock,
  realRandom,
  TidemillError,
  type VirtualClock,
} from '@tidemill/core'
import fc from 'fast-check'
import {
  AccessLog,
  type AccessLogSettings,
  AccessRecord,
  createFileSink,
  type LogSink,
  readAccessLogSpec,
} from '../../src/access/index.ts'

/** Takes what is written; a test may hold the answer back. */
class MemorySink implements LogSink {
  text = ''
  writes = 0
  reopened = 0
  error: unknown = undefined
  held: (() => void)[] | undefined = undefined

  write(bytes: Uint8Array, done: (error: unknown) => void): void {
    this.writes++
    if (this.error === undefined) this.text += Buffer.from(bytes).toString('latin1')
    if (this.held === undefined) done(this.error)
    else this.held.push(() => done(this.error))
  }

  reopen(done: (error: unknown) => void): void {
    this.reopened++
    done(undefined)
  }

  close(done: () => void): void {
    done()
  }
}

function open(
  settings: AccessLogSettings = {},
  sink: LogSink = new MemorySink(),
  clock: VirtualClock = createVirtualClock(),
): AccessLog {
  const problems: Problem[] = []
  const spec = readAccessLogSpec(settings, '/accessLog', problems)
  assert.deepEqual(problems, [])
  assert.ok(spec !== undefined)
  return new AccessLog({ spec, sink, clock, random: createSeededRandom(1) })
}

function record(fields: Partial<AccessRecord> = {}): AccessRecord {
  const made = new AccessRecord()
  return Object.assign(made, {
    at: 1_700_000_000_123,
    requestId: 'id-1',
    method: 'GET',
    scheme: 'https',
    authority: 'shop.example',
    path: '/orders',
    clientAddress: '203.0.113.7',
    route: 'default/orders',
    rule: 2,
    upstream: 'default/orders',
    host: '10.0.0.1:80',
    status: 200,
    bytesOut: 1234,
    attempts: 1,
    revision: 7,
    queueMs: 0,
    firstByteMs: 1.5,
    totalMs: 2.25,
    headers: ['user-agent', 'curl/8'],
    ...fields,
  })
}

async function lineOf(
  settings: AccessLogSettings,
  fields: Partial<AccessRecord> = {},
): Promise<string> {
  const sink = new MemorySink()
  const log = open(settings, sink)
  log.log(record(fields))
  await log.close()
  assert.ok(sink.text.endsWith('\n'))
  return sink.text.slice(0, -1)
}

const wild = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      '\r',
      '\n',
      '"',
      '\\',
      '\u0000',
      '\u001b',
      '\u2028',
      '\ud800',
      'é',
      '%',
      ' ',
    ),
  }),
)
const wildRecord = fc.record({
  at: fc.integer({ min: 0, max: 4e12 }),
  requestId: wild,
  method: wild,
  scheme: wild,
  authority: wild,
  path: wild,
  query: wild,
  clientAddress: wild,
  route: wild,
  upstream: wild,
  host: wild,
  flag: wild,
  code: wild,
  consumer: wild,
  status: fc.integer({ min: 0, max: 999 }),
  rule: fc.integer({ min: -1, max: 100_000 }),
  bytesIn: fc.maxSafeNat(),
  bytesOut: fc.oneof(fc.maxSafeNat(), fc.double()),
  totalMs: fc.double({ min: -1, max: 1e9 }),
  headers: fc.tuple(fc.constant('user-agent'), wild),
})

describe('the access log', () => {
  it('writes a request as one JSON object with every field', async () => {
    assert.deepEqual(JSON.parse(await lineOf({})), {
      time: '2023-11-14T22:13:20.123Z',
      request_id: 'id-1',
      client: '203.0.113.7',
      method: 'GET',
      scheme: 'https',
      authority: 'shop.example',
      path: '/orders',
      protocol: 'HTTP/1.1',
      status: 200,
      flag: null,
      code: null,
      route: 'default/orders',
      rule: 2,
      upstream: 'default/orders',
      host: '10.0.0.1:80',
      attempts: 1,
      bytes_in: 0,
      bytes_out: 1234,
      queue_ms: 0,
      connect_ms: null,
      ttfb_ms: 1.5,
      total_ms: 2.25,
      revision: 7,
      consumer: null,
      user_agent: 'curl/8',
    })
  })

  it('writes exactly one line of valid JSON that says what the record says, whatever it holds', async () => {
    const sink = new MemorySink()
    const log = open(
      { fields: { both: '%REQ(:METHOD)% %PATH%', who: '%REQ(X-NONE?USER-AGENT):9%' } },
      sink,
    )
    await fc.assert(
      fc.asyncProperty(wildRecord, async (fields) => {
        sink.text = ''
        // Twice, because the second time comes from what was kept.
        log.log(record(fields))
        log.log(record(fields))
        await log.flush()
        assert.match(sink.text, /^[\u0020-\u007e]+\n[\u0020-\u007e]+\n$/u)
        const [first = '', second] = sink.text.split('\n')
        assert.equal(first, second)
        const line = JSON.parse(first) as Record<string, unknown>
        assert.equal(Object.keys(line).length, 27)
        for (const [name, value] of [
          ['path', fields.path],
          ['consumer', fields.consumer],
          ['user_agent', fields.headers[1]],
        ] as const) {
          assert.equal(line[name] ?? '', value)
        }
        assert.equal(line['bytes_in'], fields.bytesIn)
        assert.equal(line['rule'], fields.rule < 0 ? null : fields.rule)
        assert.equal(line['time'], new Date(fields.at).toISOString())
      }),
    )
    await log.close()
  })

  it('writes exactly one printable line of text, whatever the record holds', async () => {
    const sink = new MemorySink()
    const log = open({ format: 'text', query: 'redact' }, sink)
    await fc.assert(
      fc.asyncProperty(wildRecord, async (fields) => {
        sink.text = ''
        log.log(record(fields))
        await log.flush()
        assert.match(sink.text, /^[\u0020-\u007e]+\n$/u)
        // The quotes of the template alone: no value opens or closes one.
        assert.equal(sink.text.split('"').length - 1, 12)
      }),
    )
    await log.close()
  })

  it("writes Envoy's default format", async () => {
    assert.equal(
      await lineOf({ format: 'text' }),
      '[2023-11-14T22:13:20.123Z] "GET /orders HTTP/1.1" 200 - 0 1234 2 - "-" "curl/8" "id-1" "shop.example" "10.0.0.1:80"',
    )
  })

  it('knows the operators with arguments, alternatives, lengths and the percent sign', async () => {
    const template =
      '%REQ(X-A?X-B)% %REQ(X-B):2% %RESP(Server)% 100%% %ROUTE_NAME%/%RULE% %RESPONSE_DURATION% %CONNECT_DURATION%'
    const line = await lineOf(
      { format: 'text', template },
      { headers: ['x-b', 'second'], responseHeaders: ['server', 'nginx'] },
    )
    assert.equal(line, 'second se... nginx 100% default/orders/2 1 -')
  })

  it('never shows credentials, however it is asked to', async () => {
    const secret = 'hunter2'
    const fields = {
      headers: [
        'authorization',
        `Bearer ${secret}`,
        'cookie',
        `sid=${secret}`,
        'x-own',
        secret,
        'referer',
        `https://u:${secret}@a.example/x?token=${secret}`,
      ],
      responseHeaders: ['set-cookie', `sid=${secret}`, 'location', `/x?code=${secret}#${secret}`],
      query: `q=1&access_token=${secret}&api%5fkey=${secret}&mine=${secret}&${secret}`,
    }
    const template =
      '%REQ(Authorization)% %REQ(COOKIE)% %REQ(x-none?x-own)% %REQ(referer)% %RESP(set-cookie)% %RESP(location)% %REQ(:path)%'
    const settings = {
      redactHeaders: ['X-Own'],
      redactParameters: ['Mine'],
      query: 'redact',
    } as const
    const text = await lineOf({ ...settings, format: 'text', template }, fields)
    assert.equal(
      text,
      '[redacted] [redacted] [redacted] https://a.example/x [redacted] /x ' +
        '/orders?q=1&access_token=[redacted]&api%5fkey=[redacted]&mine=[redacted]&[redacted]',
    )
    const json = await lineOf(
      { ...settings, fields: { all: template, one: '%REQ(cookie)%' } },
      fields,
    )
    assert.ok(!json.includes(secret))
    assert.equal((JSON.parse(json) as { one: string }).one, '[redacted]')
    assert.ok(!(await lineOf({ format: 'text' }, fields)).includes('?'))
  })

  it('cuts long values', async () => {
    const line = JSON.parse(await lineOf({}, { path: `/${'a'.repeat(9000)}` })) as { path: string }
    assert.equal(line.path, `/${'a'.repeat(1023)}...`)
  })

  it('gathers lines and writes them together after 50 ms', async () => {
    const clock = createVirtualClock()
    const sink = new MemorySink()
    const log = open({}, sink, clock)
    for (let i = 0; i < 10; i++) log.log(record())
    await clock.advance(49)
    assert.equal(sink.writes, 0)
    assert.ok(log.stats().pendingBytes > 0)
    await clock.advance(1)
    assert.equal(sink.writes, 1)
    assert.equal(sink.text.split('\n').length, 11)
    assert.equal(log.stats().pendingBytes, 0)
    assert.equal(clock.pending, 0)
    await log.close()
  })

  it('drops and counts lines when nothing takes them, stays bounded, and goes on afterwards', async () => {
    const clock = createVirtualClock()
    const sink = new MemorySink()
    sink.held = []
    const log = open({ buffer: '1MiB' }, sink, clock)
    for (let i = 0; i < 20_000; i++) log.log(record({ requestId: `id-${i}` }))
    await clock.advance(100)
    const stats = log.stats()
    assert.ok(stats.dropped > 0)
    assert.ok(stats.pendingBytes < 2 << 20)
    assert.equal(stats.lines + stats.dropped, 20_000)
    const held = sink.held
    sink.held = undefined
    for (const release of held) release()
    await log.flush()
    const lines = sink.text.split('\n').slice(0, -1)
    assert.equal(lines.length, stats.lines)
    for (const [i, line] of lines.entries()) {
      assert.equal((JSON.parse(line) as { request_id: string }).request_id, `id-${i}`)
    }
    log.log(record())
    await log.close()
    assert.equal(log.stats().lines, stats.lines + 1)
    log.log(record())
    assert.equal(log.stats().dropped, stats.dropped + 1)
  })

  it('counts lines whose writing failed and says why', async () => {
    const sink = new MemorySink()
    sink.error = new Error('no space left')
    const log = open({}, sink)
    log.log(record())
    await log.flush()
    assert.equal(log.stats().failed, 1)
    assert.equal(log.stats().failure, 'no space left')
    sink.error = undefined
    log.log(record())
    await log.close()
    assert.deepEqual([log.stats().failed, log.stats().failure], [1, ''])
  })

  it('does not wait for ever for a sink that hangs when it is closed', async () => {
    const clock = createVirtualClock()
    const sink = new MemorySink()
    sink.held = []
    const log = open({}, sink, clock)
    log.log(record())
    const closed = log.close()
    await clock.advance(2000)
    await closed
    assert.equal(sink.writes, 1)
  })

  it('writes a sample, but every failure', async () => {
    const sink = new MemorySink()
    const log = open({ sample: 0.1 }, sink)
    for (let i = 0; i < 1000; i++) log.log(record())
    const sampled = log.stats().lines
    assert.ok(sampled > 60 && sampled < 140)
    for (let i = 0; i < 100; i++) log.log(record(i % 2 === 0 ? { status: 503 } : { flag: 'DC' }))
    assert.equal(log.stats().lines, sampled + 100)
    await log.close()
  })

  it('appends to a file and begins a new one when the old one was moved away', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'access-'))
    try {
      const path = join(folder, 'access.log')
      const spec = readAccessLogSpec({ path }, '', [])
      assert.ok(spec !== undefined)
      const sink = createFileSink({ path }, realClock)
      const log = new AccessLog({ spec, sink, clock: realClock, random: realRandom })
      log.log(record({ requestId: 'before' }))
      await log.flush()
      renameSync(path, `${path}.1`)
      log.log(record({ requestId: 'between' }))
      log.reopen()
      await log.flush()
      log.log(record({ requestId: 'after' }))
      await log.close()
      const ids = (file: string): string[] =>
        readFileSync(file, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => (JSON.parse(line) as { request_id: string }).request_id)
      assert.deepEqual(ids(`${path}.1`), ['before', 'between'])
      assert.deepEqual(ids(path), ['after'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('says which file cannot be opened', () => {
    const path = join(tmpdir(), 'no', 'such', 'folder', 'access.log')
    assert.throws(
      () => createFileSink({ path }, realClock),
      (error: unknown) => TidemillError.is(error, 'TM_GATEWAY_ACCESS_LOG'),
    )
  })

  it('reports every problem of its settings at once, each with its path', () => {
    const problems: Problem[] = []
    const settings = {
      format: 'xml',
      sample: 2,
      query: 'keep',
      template: '%NOPE% %REQ()%',
      fields: { a: '%ROUTE_NAME(x)%', b: 'a\nb' },
      flush: '50',
      buffer: '1KiB',
      colour: true,
    }
    assert.equal(readAccessLogSpec(settings, '/log', problems), undefined)
    assert.deepEqual(problems.map((problem) => problem.path).toSorted(), [
      '/log/buffer',
      '/log/colour',
      '/log/fields/a',
      '/log/fields/b',
      '/log/flush',
      '/log/format',
      '/log/query',
      '/log/sample',
      '/log/template',
    ])
  })
})
