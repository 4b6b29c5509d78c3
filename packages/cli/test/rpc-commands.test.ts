import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { exitCode, run } from '@tidemill/cli'
import { createServer, RpcError } from '@tidemill/rpc'
import { addReflection } from '@tidemill/rpc/reflection'
import { createTestAuthority } from '../../../scripts/lib/certificates.ts'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function cli(...argv: readonly string[]): Promise<Ran> {
  const texts = ['', '']
  const sink = (index: number): NodeJS.WriteStream =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[index] += chunk.toString()
        done()
      },
    }) as unknown as NodeJS.WriteStream
  const code = await run(argv, {
    stdout: sink(0),
    stderr: sink(1),
    env: {},
    signal: new AbortController().signal,
  })
  return { code, stdout: texts[0] ?? '', stderr: texts[1] ?? '' }
}

/** A server with reflection, and its HOST. */
async function testServer(): Promise<AsyncDisposable & { readonly host: string }> {
  const server = createServer()
  server.add(TestService, {
    unaryCall(request, ctx) {
      const code = request.responseStatus?.code ?? 0
      ctx.headers.set('x-seen', ctx.metadata.get('x-asked') ?? 'nothing')
      ctx.trailers.set('x-last', 'yes')
      if (code !== 0) throw new RpcError(code as 5, request.responseStatus?.message ?? '')
      return { payload: { body: new Uint8Array(request.responseSize) }, username: 'bob' }
    },
    async streamingInputCall(requests) {
      let aggregatedPayloadSize = 0
      for await (const { payload } of requests) aggregatedPayloadSize += payload?.body.length ?? 0
      return { aggregatedPayloadSize }
    },
    async *streamingOutputCall({ responseParameters }) {
      for (const { size } of responseParameters) {
        await Promise.resolve()
        yield { payload: { body: new Uint8Array(size) } }
      }
    },
    async *fullDuplexCall(requests) {
      for await (const { payload } of requests) yield payload === undefined ? {} : { payload }
    },
  })
  addReflection(server)
  const { target } = await server.listen('127.0.0.1:0')
  return { host: target, [Symbol.asyncDispose]: () => server.close() }
}

async function folder(): Promise<AsyncDisposable & { readonly file: (name: string) => string }> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'tidemill-rpc-'))
  return {
    file: (name) => path.join(dir, name),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  }
}

const testProto = `syntax = "proto3";
package grpc.testing;
service TestService {
  rpc UnaryCall(Request) returns (Request);
}
message Request {
  int32 response_size = 2;
}
`

/** The data of the one document on stdout. */
function data(text: string): unknown {
  return (JSON.parse(text) as { data: unknown }).data
}

describe('tidemill rpc list', () => {
  it('prints the services of a server, and the methods of one', async () => {
    await using server = await testServer()
    const { host } = server
    const services = await cli('rpc', 'list', host)
    assert.ok(services.stdout.split('\n').includes('grpc.testing.TestService'), services.stderr)
    const methods = await cli('rpc', 'list', host, 'grpc.testing.TestService')
    assert.ok(methods.stdout.split('\n').includes('grpc.testing.TestService/UnaryCall'))
    const json = await cli('rpc', 'list', host, 'grpc.testing.TestService', '--json')
    const { methods: rows } = data(json.stdout) as { methods: { method: string; kind: string }[] }
    assert.equal(rows.find((row) => row.method === 'FullDuplexCall')?.kind, 'bidi_streaming')
  })
  it('names a service that is near, with exit code 2', async () => {
    await using server = await testServer()
    const { host } = server
    const { code, stderr } = await cli('rpc', 'list', host, 'grpc.testing.TestServise')
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /TM_RPC_SYMBOL_UNKNOWN[\s\S]*Did you mean grpc\.testing\.TestService\?/u)
  })
  it('asks for a server or a file when there is neither', async () => {
    const { code, stderr } = await cli('rpc', 'list')
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /--proto FILE/u)
  })
})

describe('tidemill rpc describe', () => {
  it('prints services, methods, messages and enums as .proto text', async () => {
    await using server = await testServer()
    const { host } = server
    const service = await cli('rpc', 'describe', 'grpc.testing.TestService', host)
    assert.match(
      service.stdout,
      /rpc StreamingOutputCall \(\.grpc\.testing\.StreamingOutputCallRequest\) returns \(stream \.grpc\.testing\.StreamingOutputCallResponse\);/u,
    )
    const hostFirst = await cli('rpc', 'describe', host, 'grpc.testing.TestService')
    assert.equal(hostFirst.stdout, service.stdout)
    const method = await cli('rpc', 'describe', 'grpc.testing.TestService/UnaryCall', host)
    assert.match(method.stdout, /^rpc UnaryCall/mu)
    const message = await cli('rpc', 'describe', 'grpc.testing.SimpleRequest', host)
    assert.match(message.stdout, /^ {2}int32 response_size = 2;$/mu)
    assert.match(message.stdout, /^ {2}\.grpc\.testing\.Payload payload = 3;$/mu)
    const type = await cli('rpc', 'describe', 'grpc.testing.PayloadType', host, '--json')
    assert.match((data(type.stdout) as { proto: string }).proto, /COMPRESSABLE = 0;/u)
  })
  it('names a symbol that is near, even in another package', async () => {
    await using server = await testServer()
    const { host } = server
    const { code, stderr } = await cli('rpc', 'describe', 'wrong.SimpleReqest', host)
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /Did you mean grpc\.testing\.SimpleRequest\?/u)
  })
})

describe('tidemill rpc call', () => {
  it('prints the answer as JSON; -v the metadata on stderr', async () => {
    await using server = await testServer()
    const { host } = server
    const { code, stdout, stderr } = await cli(
      'rpc',
      'call',
      host,
      'grpc.testing.TestService/UnaryCall',
      '-d',
      '{"responseSize":3}',
      '-m',
      '{"x-asked":"me"}',
      '-v',
    )
    assert.equal(code, exitCode.ok, stderr)
    assert.deepEqual(JSON.parse(stdout), { payload: { body: 'AAAA' }, username: 'bob' })
    assert.match(stderr, /headers:\n(?: {2}.*\n)* {2}x-seen: me\n/u)
    assert.match(stderr, /trailers:\n(?: {2}.*\n)* {2}x-last: yes\n/u)
  })
  it('prints fields at their defaults when asked', async () => {
    await using server = await testServer()
    const { host } = server
    const { stdout } = await cli(
      'rpc',
      'call',
      host,
      'grpc.testing.TestService.UnaryCall',
      '--emit-defaults',
    )
    assert.equal((JSON.parse(stdout) as { serverId: string }).serverId, '')
  })
  it('streams requests and answers, one document a line under --json', async () => {
    await using server = await testServer()
    const { host } = server
    const sum = await cli(
      'rpc',
      'call',
      host,
      'grpc.testing.TestService/StreamingInputCall',
      '-d',
      '{"payload":{"body":"AAAA"}} {"payload":{"body":"AAAA"}}\n[{"payload":{"body":"AAAA"}}]',
    )
    assert.deepEqual(JSON.parse(sum.stdout), { aggregatedPayloadSize: 9 })
    const out = await cli(
      'rpc',
      'call',
      host,
      'grpc.testing.TestService/StreamingOutputCall',
      '-d',
      '{"responseParameters":[{"size":1},{"size":2},{"size":3}]}',
      '--json',
    )
    assert.equal(out.stdout.trim().split('\n').length, 3)
    const both = await cli(
      'rpc',
      'call',
      host,
      'grpc.testing.TestService/FullDuplexCall',
      '-d',
      '[{"payload":{"body":"AQ=="}},{"payload":{"body":"Ag=="}}]',
      '--json',
    )
    const bodies = both.stdout
      .trim()
      .split('\n')
      .map((line) => (data(line) as { payload: { body: string } }).payload.body)
    assert.deepEqual(bodies, ['AQ==', 'Ag=='])
  })
  it('ends with the exit code of the class of the status', async () => {
    await using server = await testServer()
    const { host } = server
    const codes: readonly (readonly [number, number])[] = [
      [3, exitCode.usage],
      [4, exitCode.timeout],
      [5, exitCode.notFound],
      [6, exitCode.conflict],
      [7, exitCode.permission],
      [13, exitCode.failure],
      [14, exitCode.unavailable],
      [16, exitCode.permission],
    ]
    for (const [status, expected] of codes) {
      const { code, stdout, stderr } = await cli(
        'rpc',
        'call',
        host,
        'grpc.testing.TestService/UnaryCall',
        '-d',
        JSON.stringify({ responseStatus: { code: status, message: 'said so' } }),
      )
      assert.equal(code, expected, `status ${status}`)
      assert.equal(stdout, '')
      assert.match(stderr, /said so/u)
    }
  })
  it('refuses data that does not fit with the path of the field', async () => {
    await using server = await testServer()
    const { host } = server
    const { code, stderr } = await cli(
      'rpc',
      'call',
      host,
      'grpc.testing.TestService/UnaryCall',
      '-d',
      '{"payload":{"boddy":""}}',
    )
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /TM_RPC_BENCH_DATA.*at payload\.boddy[\s\S]*Did you mean "body"\?/u)
    const many = await cli('rpc', 'call', host, 'grpc.testing.TestService/UnaryCall', '-d', '{} {}')
    assert.equal(many.code, exitCode.usage)
  })
  it('tells what failed even when quiet, and nothing else', async () => {
    const quiet = await cli('rpc', 'call', '-q', '127.0.0.1:1', 'no-slash')
    assert.match(quiet.stderr, /^error\[/u)
    await using server = await testServer()
    const fine = await cli(
      'rpc',
      'call',
      '-q',
      '-v',
      server.host,
      'grpc.testing.TestService/UnaryCall',
    )
    assert.equal(fine.stderr, '')
    const words = ['--call', 'grpc.testing.TestService/UnaryCall', '-n', '5', '-c', '1']
    const crossed = await cli('rpc', 'bench', '-q', ...words, '--fail-on', 'max>1ns', server.host)
    assert.match(crossed.stderr, /^fail: max>1ns/u)
  })
  it('refuses a deadline that is none, by the name of its flag', async () => {
    const { code, stderr } = await cli('rpc', 'call', '127.0.0.1:1', 'a.B/C', '-t', '5x')
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /--timeout takes a duration such as 10s/u)
  })
  it('names methods that are near', async () => {
    await using server = await testServer()
    const { host } = server
    const { code, stderr } = await cli('rpc', 'call', host, 'grpc.testing.TestService/UnaryCal')
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /grpc\.testing\.TestService\/UnaryCall\?/u)
  })
})

describe('a server that cannot be asked', () => {
  const method = 'grpc.testing.TestService/UnaryCall'
  it('has no reflection: the flags that name a schema are the next step', async () => {
    const server = createServer()
    const { target } = await server.listen('127.0.0.1:0')
    for (const words of [
      ['list', target],
      ['describe', 'a.B', target],
      ['call', target, method],
      ['bench', '--call', method, target],
    ]) {
      const { code, stderr } = await cli('rpc', ...words)
      assert.equal(code, exitCode.usage, words[0])
      assert.match(stderr, /no reflection[\s\S]*try: .*--proto FILE or --protoset FILE/u)
    }
    await server.close()
  })
  it('is not there: the address is the next step, also when the port was left out', async () => {
    await using server = await testServer()
    const { host } = server
    await server[Symbol.asyncDispose]()
    const refused = await cli('rpc', 'list', host)
    assert.equal(refused.code, exitCode.unavailable)
    assert.match(refused.stderr, /TM_RPC_UNAVAILABLE.*ECONNREFUSED[\s\S]*try: .*listens at 127/u)
    const unknown = await cli('rpc', 'call', 'no-such-host.invalid:1', method)
    assert.equal(unknown.code, exitCode.unavailable)
    assert.match(unknown.stderr, /try: Check the name of the host/u)
  })
  it('speaks TLS, or does not: the flag that changes it is the next step', async () => {
    const authority = createTestAuthority()
    const { cert, key } = authority.issue({ names: ['localhost', '127.0.0.1'] })
    const server = createServer({ tls: { cert, key } })
    const { target } = await server.listen('127.0.0.1:0')
    const plain = await cli('rpc', 'list', target)
    assert.match(plain.stderr, /try: If the server speaks TLS, add --cacert FILE/u)
    const untrusted = await cli('rpc', 'list', '--cname', 'localhost', target)
    assert.match(untrusted.stderr, /try: .*--cacert FILE.*--cname NAME/u)
    await server.close()
    await using open = await testServer()
    const tls = await cli('rpc', 'list', '--skipTLS', open.host)
    assert.equal(tls.code, exitCode.unavailable)
    assert.match(tls.stderr, /try: The server does not speak TLS.*--insecure/u)
    assert.doesNotMatch(tls.stderr, /openssl\//u)
  })
})

describe('a file that a flag names', () => {
  it('and that cannot be read is a mistake of usage that names the flag', async () => {
    const method = 'grpc.testing.TestService/UnaryCall'
    for (const [flag, ...words] of [
      ['--cacert', 'list', '127.0.0.1:1'],
      ['--protoset', 'list'],
      ['--config', 'bench'],
      ['--data-file', 'bench', '--call', method, '127.0.0.1:1'],
      ['--binary-file', 'bench', '--call', method, '127.0.0.1:1'],
      ['--metadata-file', 'bench', '--call', method, '127.0.0.1:1'],
    ] as const) {
      const { code, stderr } = await cli('rpc', ...words, flag, '/no/such/file')
      assert.equal(code, exitCode.usage, flag)
      assert.match(stderr, new RegExp(`${flag}: cannot read "/no/such/file"`, 'u'))
    }
  })
})

describe('tidemill rpc bench', () => {
  const call = ['--call', 'grpc.testing.TestService.UnaryCall', '-n', '50', '-c', '5'] as const
  it("prints ghz's summary, with the schema of the server", async () => {
    await using server = await testServer()
    const { host } = server
    const { code, stdout, stderr } = await cli('rpc', 'bench', ...call, host)
    assert.equal(code, exitCode.ok, stderr)
    assert.match(stdout, /^\nSummary:\n {2}Count:\t50\n/u)
    assert.match(stdout, /\n {2}\[OK\] {3}50 responses {3}\n/u)
  })
  it("prints ghz's JSON, or a document of its own under --json", async () => {
    await using server = await testServer()
    const { host } = server
    const ghz = JSON.parse(
      (await cli('rpc', 'bench', ...call, '-O', 'json', '--tags', '{"a":"b"}', host)).stdout,
    ) as {
      count: number
      details: unknown[]
      tags: unknown
    }
    assert.deepEqual([ghz.count, ghz.details.length, ghz.tags], [50, 50, { a: 'b' }])
    const own = await cli('rpc', 'bench', ...call, '--json', host)
    assert.equal((JSON.parse(own.stdout) as { schema: string }).schema, 'tidemill.rpc-bench.v1')
  })
  it('takes its options from a file, flags first', async () => {
    await using server = await testServer()
    const { host } = server
    await using temporary = await folder()
    const config = {
      call: 'grpc.testing.TestService.UnaryCall',
      host,
      total: 30,
      concurrency: 3,
      data: { responseSize: 4 },
      name: 'from file',
    }
    await writeFile(temporary.file('c.json'), JSON.stringify(config))
    const { stdout, stderr } = await cli(
      'rpc',
      'bench',
      '--config',
      temporary.file('c.json'),
      '-n',
      '20',
      '-O',
      'json',
    )
    const report = JSON.parse(stdout) as { count: number; name: string; options: { data: unknown } }
    assert.deepEqual(
      [report.count, report.name, report.options.data],
      [20, 'from file', { responseSize: 4 }],
      stderr,
    )
  })
  it('writes report and percentiles to files', async () => {
    await using server = await testServer()
    const { host } = server
    await using temporary = await folder()
    const { stdout } = await cli(
      'rpc',
      'bench',
      ...call,
      '-O',
      'html',
      '-o',
      temporary.file('r.html'),
      '--hdr',
      temporary.file('r.hgrm'),
      host,
    )
    assert.equal(stdout, '')
    assert.match(await readFile(temporary.file('r.html'), 'utf8'), /^<!doctype html>/u)
    assert.match(
      await readFile(temporary.file('r.hgrm'), 'utf8'),
      /^ +Value +Percentile TotalCount/u,
    )
  })
  it('exits 0 when calls fail, as ghz, and 1 with --fail-on', async () => {
    await using server = await testServer()
    const { host } = server
    const failing = ['rpc', 'bench', ...call, '-d', '{"responseStatus":{"code":13}}', host] as const
    assert.equal((await cli(...failing)).code, exitCode.ok)
    const failed = await cli(...failing, '--fail-on', 'errors>1%,rps<1')
    assert.equal(failed.code, exitCode.failure)
    assert.match(failed.stderr, /fail: errors>1%: 50 of 50 calls failed/u)
    const fine = await cli('rpc', 'bench', ...call, '--fail-on', 'p99>60s,errors', host)
    assert.equal(fine.code, exitCode.ok)
  })
  it('counts Unavailable and exits 0 when the host refuses, with the schema from a file', async () => {
    await using server = await testServer()
    const { host } = server
    await server[Symbol.asyncDispose]()
    await using temporary = await folder()
    await writeFile(temporary.file('test.proto'), testProto)
    const schema = ['--proto', temporary.file('test.proto')] as const
    const { code, stdout } = await cli('rpc', 'bench', ...call, ...schema, '-O', 'json', host)
    assert.equal(code, exitCode.ok)
    const report = JSON.parse(stdout) as { statusCodeDistribution: unknown }
    assert.deepEqual(report.statusCodeDistribution, { Unavailable: 50 })
    const asked = await cli('rpc', 'call', ...schema, host, 'grpc.testing.TestService/UnaryCall')
    assert.equal(asked.code, exitCode.unavailable)
    const services = await cli('rpc', 'list', ...schema)
    assert.match(services.stdout, /^grpc\.testing\.TestService$/mu)
    await writeFile(temporary.file('no.binpb'), 'no descriptors')
    const none = await cli('rpc', 'list', '--protoset', temporary.file('no.binpb'))
    assert.match(none.stderr, /TM_RPC_BENCH_OPTIONS/u)
  })
  it('runs a sweep and prints a matrix', async () => {
    await using server = await testServer()
    const { host } = server
    const sweep = ['--windows', '64k/64k,auto', '--rtt', '0,5ms', '--warmup', '0'] as const
    const { stdout } = await cli('rpc', 'bench', ...call, ...sweep, host)
    assert.match(
      stdout,
      /Calls a second +64KiB\/64KiB +auto\n\+0 ms +[\d,]+ +[\d,]+\n\+5 ms +[\d,]+ +[\d,]+\n/u,
    )
    const json = await cli('rpc', 'bench', ...call, ...sweep, '--json', host)
    assert.equal((data(json.stdout) as { cells: unknown[] }).cells.length, 4)
  })
  it('reports every wrong option at once, with exit code 2', async () => {
    const { code, stderr } = await cli(
      'rpc',
      'bench',
      '-t',
      'soon',
      '--fail-on',
      'luck',
      '127.0.0.1:1',
    )
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /--call[\s\S]*--fail-on[\s\S]*--timeout|--timeout[\s\S]*--fail-on/u)
  })
})
