import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { exitCode } from '@tidemill/cli'
import { edge, extra } from './gateway-manifests.ts'
import { cli, dataOf, type Folder, folder, type Running, start } from './run-cli.ts'

interface Upstream extends AsyncDisposable {
  readonly address: string
  /** Answers the requests to /wait. */
  readonly release: () => void
}

async function upstream(): Promise<Upstream> {
  const waiting = new Set<() => void>()
  const server: Server = createServer((request, response) => {
    const answer = (): void => {
      response.end(`${request.method} ${request.url}`)
    }
    if (request.url === '/wait') waiting.add(answer)
    else answer()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    release: () => {
      for (const answer of waiting) answer()
      waiting.clear()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

interface Gateway extends AsyncDisposable {
  readonly running: Running
  /** Where the Gateway listens. */
  readonly url: string
  /** Flags of the commands that ask its admin API. */
  readonly flags: readonly string[]
}

interface Ready {
  readonly event: string
  readonly revision: number
  readonly listeners: readonly { readonly url: string; readonly port: number }[]
  readonly admin: { readonly url: string; readonly token: string | null } | null
}

async function gateway(
  files: Folder,
  backend: string,
  ...more: readonly string[]
): Promise<Gateway> {
  const manifest = await files.write('g.yaml', edge)
  const token = files.path('token')
  const words = `gateway run -f ${manifest} --backend default/web=${backend} --json --listen 127.0.0.1:0 --admin 127.0.0.1:0`
  const running = start(...words.split(' '), '--token-file', token, ...more)
  await running.until(/"ready"/u)
  const ready = dataOf(running.stdout().split('\n')[0] ?? '') as Ready
  return {
    running,
    url: ready.listeners[0]?.url ?? '',
    flags: ['--admin', new URL(ready.admin?.url ?? '').host, '--token-file', token],
    async [Symbol.asyncDispose]() {
      running.interrupt()
      await running.done
    },
  }
}

async function body(url: string, host?: string): Promise<string> {
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host }
    const sent = request(url, { headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    sent.on('error', reject)
    sent.end()
  })
}

describe('tidemill gateway run', () => {
  it('prints one ready line with the port that it chose, serves, and drains at Ctrl-C', async () => {
    await using files = await folder()
    await using web = await upstream()
    await using opened = await gateway(files, web.address)
    assert.equal(await body(`${opened.url}/a`), 'GET /a')
    const pending = body(`${opened.url}/wait`)
    assert.equal(await body(`${opened.url}/b`), 'GET /b')
    opened.running.interrupt()
    await opened.running.until(/draining: 1 request on/u)
    web.release()
    assert.equal(await pending, 'GET /wait')
    const { code, stdout } = await opened.running.done
    assert.equal(code, exitCode.ok)
    const last = dataOf(stdout.trim().split('\n').at(-1) ?? '')
    assert.deepEqual(last, { event: 'drained' })
  })
  it('writes a token for its owner alone where the file is missing', async () => {
    await using files = await folder()
    await using opened = await gateway(files, '127.0.0.1:1')
    assert.equal((await stat(files.path('token'))).mode & 0o777, 0o600)
    assert.ok((await readFile(files.path('token'), 'utf8')).trim().length >= 40)
    const { code } = await cli(
      'gateway',
      'status',
      ...opened.flags.slice(0, 2),
      '--token',
      'wrong-wrong-wrong',
    )
    assert.equal(code, exitCode.permission)
    assert.equal((await cli('gateway', 'status', ...opened.flags.slice(0, 2))).code, exitCode.usage)
  })
  it('follows its files and keeps what was in force through a broken edit', async () => {
    await using files = await folder()
    await using web = await upstream()
    await using opened = await gateway(files, web.address)
    const { running, url } = opened
    await writeFile(
      files.path('g.yaml'),
      edge
        .replace(
          '- name: pages',
          '- name: pages\n      filters: [{ type: RequestRedirect, requestRedirect: { hostname: moved.example } }]',
        )
        .replace('backendRefs: [{ name: web, port: 80 }]', ''),
    )
    await running.until(/"changed":\["HTTPRoute default\/web"\]/u)
    assert.equal(await body(`${url}/a`), '')
    await writeFile(files.path('g.yaml'), `${edge}\n  - : [`)
    await running.until(/"rejected".*g\.yaml","line":\d+.*must be YAML/u)
    assert.equal(await body(`${url}/a`), '')
    await writeFile(files.path('g.yaml'), edge)
    await running.until(/"rejected"[\s\S]*"event":"changed"/u)
    assert.equal(await body(`${url}/a`), 'GET /a')
  })
  it('names the flag that helps when a port is taken, and tells all problems of files before it starts', async () => {
    await using files = await folder()
    const taken = createTcpServer()
    await new Promise<void>((resolve) => {
      taken.listen(0, '127.0.0.1', resolve)
    })
    try {
      const manifest = await files.write('g.yaml', edge)
      const { port } = taken.address() as AddressInfo
      const ran = await cli('gateway', 'run', '-f', manifest, '--listen', `127.0.0.1:${port}`)
      assert.equal(ran.code, exitCode.unavailable)
      assert.match(
        ran.stderr,
        /^error\[TM_CLI_GATEWAY_PORT\]: .*EADDRINUSE\n.*--listen 127\.0\.0\.1:0/u,
      )
      assert.ok(ran.stderr.includes(`127.0.0.1:${port} for default/edge`), ran.stderr)
    } finally {
      taken.close()
    }
    const broken = await files.write('b.yaml', edge.replace('port: 8080', 'port: 0'))
    const bad = await cli('gateway', 'run', '-f', broken)
    assert.equal(bad.code, exitCode.failure)
    assert.match(bad.stderr, /TM_CLI_MANIFESTS/u)
  })
  it('refuses flags that it cannot read, with an example of each', async () => {
    await using files = await folder()
    const manifest = await files.write('g.yaml', edge)
    for (const [flag, value] of [
      ['--backend', 'web=127.0.0.1:1'],
      ['--listen', '8080'],
      ['--listen', 'edge=127.0.0.1:1'],
      ['--admin', 'localhost:99999'],
      ['--workers', '1.5'],
    ] as const) {
      const { code, stderr } = await cli('gateway', 'run', '-f', manifest, flag, value)
      assert.equal(code, exitCode.usage, `${flag} ${value}`)
      assert.match(stderr, /try: /u)
    }
    const backend = await cli(
      'gateway',
      'run',
      '-f',
      manifest,
      '--backend',
      'default/web=https://x/y',
    )
    assert.match(backend.stderr, /TM_GATEWAY_BACKENDS_INVALID/u)
  })
})

describe('commands that ask a running gateway', () => {
  it('apply, diff, status, explain and top', async () => {
    await using files = await folder()
    await using web = await upstream()
    await using opened = await gateway(
      files,
      web.address,
      '--backend',
      `default/api=${web.address}`,
    )
    const { flags, url } = opened
    const manifest = await files.write('extra.yaml', extra)
    const ask = (verb: string, ...more: readonly string[]): ReturnType<typeof cli> =>
      cli('gateway', verb, ...flags, ...more)
    const before = await ask('diff', '-f', manifest)
    assert.equal(before.stdout, '+ HTTPRoute default/extra\n')
    assert.equal(before.code, exitCode.failure)
    assert.match((await ask('apply', '-f', manifest, '--dry-run')).stdout, /would be created/u)
    const applied = await ask('apply', '-f', manifest, '--json')
    assert.deepEqual(dataOf(applied.stdout), {
      dryRun: false,
      revision: 2,
      objects: [{ kind: 'HTTPRoute', key: 'default/extra', action: 'create' }],
    })
    assert.equal((await ask('diff', '-f', manifest)).code, exitCode.ok)
    assert.match((await ask('apply', '-f', manifest)).stdout, /nothing had to change/u)
    assert.equal(await body(`${url}/x`, 'extra.example'), 'GET /x')
    const owned = await ask(
      'apply',
      '-f',
      await files.write('e.yaml', edge.replace('prod', 'live')),
    )
    assert.equal(owned.code, exitCode.conflict)
    assert.match(owned.stderr, /TM_GATEWAY_OBJECT_OF_FILE[\s\S]*g\.yaml/u)
    const status = await ask('status')
    assert.equal(status.code, exitCode.ok, status.stdout)
    assert.match(status.stdout, /^listens {2}default\/edge {2}http:\/\/127\.0\.0\.1:\d+ {2}HTTP\n/u)
    const explained = await ask('explain', '--url', 'http://extra.example/x', '--json')
    assert.equal((dataOf(explained.stdout) as { route: string }).route, 'default/extra')
    const top = await ask('top', '--count', '1', '--interval', '100ms')
    assert.match(
      top.stdout,
      /^\d+ requests\/s[\s\S]*default\/extra +default\/web[\s\S]*default\/web:80 +1\/1/u,
    )
  })
  it('drain: the gateway ends what it has and the command waits for it', async () => {
    await using files = await folder()
    await using web = await upstream()
    await using opened = await gateway(files, web.address)
    const pending = body(`${opened.url}/wait`)
    await cli('gateway', 'top', ...opened.flags, '--count', '1', '--interval', '100ms')
    const dry = await cli('gateway', 'drain', ...opened.flags, '--dry-run')
    assert.match(dry.stdout, /would drain: 1 request/u)
    const drain = start('gateway', 'drain', ...opened.flags, '--grace', '10ms')
    await opened.running.until(/draining: 1 request/u)
    web.release()
    assert.equal(await pending, 'GET /wait')
    assert.equal((await opened.running.done).code, exitCode.ok)
    const { code, stdout } = await drain.done
    assert.equal(code, exitCode.ok)
    assert.match(stdout, /^drained in /u)
  })
  it('say how to start one where none answers', async () => {
    const words = ['--admin', '127.0.0.1:1', '--token', 'a-token-of-the-test']
    const { code, stderr } = await cli('gateway', 'status', ...words)
    assert.equal(code, exitCode.unavailable)
    assert.match(stderr, /TM_CLI_GATEWAY_UNREACHABLE[\s\S]*tidemill gateway run/u)
  })
})
