import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { createServer } from '@tidemill/rpc'
import { binaries, needs } from '../../../scripts/engines/require.ts'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'

const main = path.resolve(import.meta.dirname, '../src/main.ts')
const proto = `syntax = "proto3";
package grpc.testing;
service TestService {
  rpc UnaryCall(Request) returns (Answer);
  rpc Missing(Request) returns (Answer);
}
message Request {
  int32 response_size = 2;
}
message Answer {
  string username = 2;
}
`

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function ran(file: string, args: readonly string[], stdin = ''): Promise<Ran> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(stdin)
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve)
  })
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

const tidemill = (args: readonly string[], stdin = ''): Promise<Ran> =>
  ran(process.execPath, [...process.execArgv, main, ...args], stdin)

/** A server, and a folder with its .proto file. */
async function setUp(): Promise<
  AsyncDisposable & { readonly host: string; readonly file: string; readonly dir: string }
> {
  const sizes: number[] = []
  const server = createServer()
  server.add(TestService, {
    unaryCall: ({ responseSize }) => {
      sizes.push(responseSize)
      return { username: `size ${responseSize}` }
    },
  })
  const { target } = await server.listen('127.0.0.1:0')
  const dir = await mkdtemp(path.join(os.tmpdir(), 'tidemill-rpc-int-'))
  const file = path.join(dir, 'test.proto')
  await writeFile(file, proto)
  return {
    host: target,
    file,
    dir,
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(dir, { recursive: true })
    },
  }
}

interface Report {
  readonly options: Readonly<Record<string, unknown>>
  readonly details: readonly object[]
  readonly [key: string]: unknown
}

describe('tidemill rpc bench as a process', () => {
  it('reads its data from standard input', async () => {
    await using set = await setUp()
    const flags = [
      '--proto',
      set.file,
      '--call',
      'grpc.testing.TestService.UnaryCall',
      '-n',
      '20',
      '-c',
      '2',
    ]
    const { code, stdout, stderr } = await tidemill(
      ['rpc', 'bench', ...flags, '-d', '@', '-O', 'json', set.host],
      '{"responseSize":5}',
    )
    assert.equal(code, 0, stderr)
    assert.deepEqual((JSON.parse(stdout) as Report).options['data'], { responseSize: 5 })
    const called = await tidemill(
      [
        'rpc',
        'call',
        set.host,
        'grpc.testing.TestService/UnaryCall',
        '--proto',
        set.file,
        '-d',
        '@',
      ],
      '{"responseSize":7}',
    )
    assert.deepEqual(JSON.parse(called.stdout), { username: 'size 7' })
  })
  it('keeps stdout free of everything but the report', async () => {
    await using set = await setUp()
    const flags = [
      '--proto',
      set.file,
      '--call',
      'grpc.testing.TestService.UnaryCall',
      '-n',
      '20',
      '-c',
      '2',
    ]
    const { stdout, stderr } = await tidemill(['rpc', 'bench', ...flags, '-O', 'csv', set.host])
    assert.equal(stdout.trim().split('\n').length, 21)
    assert.equal(stderr, '')
  })
})

describe('tidemill rpc bench beside ghz', needs('ghz'), () => {
  const ghz = (args: readonly string[]): Promise<Ran> => ran(binaries('ghz')['ghz'] ?? '', args)
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['a plain run', ['-n', '60', '-c', '6']],
    [
      'tags, name and metadata',
      ['-n', '30', '-c', '3', '--name', 'a run', '--tags', '{"b":"1","a":"2"}', '-m', '{"k":"v"}'],
    ],
    ['several connections and a pace', ['-n', '40', '-c', '4', '--connections', '2', '-r', '400']],
    [
      'a load that rises',
      [
        '-n',
        '40',
        '-c',
        '4',
        '--load-schedule',
        'line',
        '--load-start',
        '50',
        '--load-step',
        '10',
        '--load-end',
        '100',
      ],
    ],
    [
      'skipped results and counted errors',
      ['-n', '40', '-c', '4', '--skipFirst', '5', '--count-errors'],
    ],
    [
      'a list of messages',
      ['-n', '20', '-c', '2', '-d', '[{"response_size":1},{"response_size":2}]'],
    ],
  ]
  for (const [what, flags] of rows) {
    it(`has the keys and the options of ghz for ${what}`, async () => {
      await using set = await setUp()
      const common = [
        '--insecure',
        '--proto',
        set.file,
        '--call',
        'grpc.testing.TestService.UnaryCall',
        '-O',
        'json',
        ...flags,
      ]
      const theirs = JSON.parse((await ghz([...common, set.host])).stdout) as Report
      const own = await tidemill(['rpc', 'bench', ...common, set.host])
      const ours = JSON.parse(own.stdout) as Report
      assert.deepEqual(
        Object.keys(ours).filter((key) => key !== 'tidemill'),
        Object.keys(theirs),
      )
      assert.deepEqual(Object.keys(ours.options), Object.keys(theirs.options))
      const { 'import-paths': _ours, ...options } = ours.options
      const { 'import-paths': _theirs, ...expected } = theirs.options
      assert.deepEqual(options, expected)
      for (const key of [
        'count',
        'endReason',
        'name',
        'tags',
        'statusCodeDistribution',
        'errorDistribution',
      ]) {
        assert.deepEqual(ours[key], theirs[key], key)
      }
      assert.deepEqual(Object.keys(ours.details[0] ?? {}), Object.keys(theirs.details[0] ?? {}))
    })
  }
  it('names a failing status as ghz does', async () => {
    await using set = await setUp()
    const flags = [
      '--insecure',
      '--proto',
      set.file,
      '--call',
      'grpc.testing.TestService.Missing',
      '-n',
      '4',
      '-c',
      '2',
    ]
    const theirs = JSON.parse((await ghz([...flags, '-O', 'json', set.host])).stdout) as Report
    const ours = JSON.parse(
      (await tidemill(['rpc', 'bench', ...flags, '-O', 'json', set.host])).stdout,
    ) as Report
    assert.deepEqual(ours['statusCodeDistribution'], { Unimplemented: 4 })
    assert.deepEqual(ours['errorDistribution'], theirs['errorDistribution'])
    assert.deepEqual(ours['latencyDistribution'], theirs['latencyDistribution'])
  })
  it('writes forms that have as many lines', async () => {
    await using set = await setUp()
    const flags = [
      '--insecure',
      '--proto',
      set.file,
      '--call',
      'grpc.testing.TestService.UnaryCall',
      '-n',
      '12',
      '-c',
      '2',
    ]
    for (const form of ['csv', 'influx-summary', 'influx-details']) {
      const output = path.join(set.dir, 'report')
      await ghz([...flags, '-O', form, '-o', output, set.host])
      const theirs = (await readFile(output, 'utf8')).trimEnd().split('\n')
      await tidemill(['rpc', 'bench', ...flags, '-O', form, '-o', output, '-q', set.host])
      const ours = (await readFile(output, 'utf8')).trimEnd().split('\n')
      assert.equal(ours.length, theirs.length, form)
      assert.equal(
        ours.at(-1)?.replaceAll(/[\d.]+/gu, '#'),
        theirs.at(-1)?.replaceAll(/[\d.]+/gu, '#'),
        form,
      )
    }
  })
})
