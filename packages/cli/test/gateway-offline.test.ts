import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { exitCode } from '@tidemill/cli'
import { edge, extra } from './gateway-manifests.ts'
import { cli, dataOf, folder } from './run-cli.ts'

interface Explained {
  readonly status: number
  readonly route: string | null
  readonly rule: number | null
  readonly backend: string | null
  readonly candidates: readonly { readonly rule: number; readonly lost: string | null }[]
}

describe('tidemill gateway validate', () => {
  it('names every problem of every file with line and column, and exits 1', async () => {
    await using files = await folder()
    const bad = await files.write('a.yaml', edge.replace('port: 8080', 'port: 808080'))
    const worse = await files.write('b.yaml', `${extra.replace('rules:', 'rulez:')}---\n  : [`)
    const { code, stdout } = await cli('gateway', 'validate', '-f', bad, '-f', worse)
    assert.equal(code, exitCode.failure)
    assert.match(stdout, /a\.yaml:8:\d+: error: Gateway edge \/spec\/listeners\/0\/port /u)
    assert.match(stdout, /b\.yaml:\d+:\d+: error: .*must be YAML/u)
    const json = await cli('gateway', 'validate', '-f', bad, '--json')
    assert.equal((dataOf(json.stdout) as { valid: boolean }).valid, false)
  })
  it('takes what is valid, and under --strict not what is odd', async () => {
    await using files = await folder()
    const good = await files.write('a.yaml', edge)
    assert.equal((await cli('gateway', 'validate', '-f', good)).code, exitCode.ok)
    const lost = await files.write('b.yaml', extra)
    const odd = await cli('gateway', 'validate', '-f', lost)
    assert.equal(odd.code, exitCode.ok)
    assert.match(odd.stdout, /b\.yaml:1: warning: HTTPRoute default\/extra at edge: Accepted/u)
    assert.equal((await cli('gateway', 'validate', '-f', lost, '--strict')).code, exitCode.failure)
  })
  it('asks for a file where none is named', async () => {
    const { code, stderr } = await cli('gateway', 'validate')
    assert.equal(code, exitCode.usage)
    assert.match(stderr, /-f FILE/u)
  })
})

describe('tidemill gateway explain', () => {
  it('prints status, route, rule, backend and why every other candidate lost', async () => {
    await using files = await folder()
    const file = await files.write('a.yaml', edge)
    const ask = async (...more: readonly string[]): Promise<Explained> => {
      const ran = await cli('gateway', 'explain', '-f', file, '--json', ...more)
      assert.equal(ran.code, exitCode.ok, ran.stderr)
      const document = JSON.parse(ran.stdout) as { schema: string; data: Explained }
      assert.equal(document.schema, 'tidemill.explain.v1')
      return document.data
    }
    const url = 'http://shop.example:8080/api/orders'
    const prod = await ask(
      '--method',
      'GET',
      '--url',
      url,
      '-H',
      'accept: */*',
      '-H',
      'X-Env: prod',
    )
    assert.deepEqual(Object.keys(prod), ['status', 'route', 'rule', 'backend', 'candidates'])
    assert.deepEqual(prod, {
      status: 200,
      route: 'default/web',
      rule: 0,
      backend: 'default/api',
      candidates: [
        { route: 'default/web', rule: 0, match: 0, lost: null },
        { route: 'default/web', rule: 1, match: 0, lost: 'outranked by path length' },
      ],
    })
    const stage = await ask('--url', url, '-H', 'x-env: stage')
    assert.equal(stage.rule, 1)
    const loser = stage.candidates.find(({ rule }) => rule === 0)
    assert.equal(loser?.lost, 'header x-env is stage, wanted Exact prod')
    const unknown = await ask(
      '--url',
      url,
      '--backend',
      'default/web=127.0.0.1:9',
      '-H',
      'x-env: prod',
    )
    assert.equal(unknown.status, 500)
  })
  it('tells a person the winner first', async () => {
    await using files = await folder()
    const file = await files.write('a.yaml', edge)
    const { stdout } = await cli('gateway', 'explain', '-f', file, '--url', 'http://x/api')
    const lines = stdout.split('\n')
    assert.equal(lines[0], '200  default/web takes it by its rule 1 (pages), to default/web')
    assert.match(lines[4] ?? '', /^default\/web +1 +0 +takes it$/u)
    assert.match(
      lines[5] ?? '',
      /^default\/web +0 +0 +header x-env is missing, wanted Exact prod$/u,
    )
  })
  it('says 404 for a host that no listener takes, and still exits 0', async () => {
    await using files = await folder()
    const text = edge.replace('port: 8080', 'port: 8080, hostname: shop.example')
    const file = await files.write('a.yaml', text)
    const { code, stdout } = await cli('gateway', 'explain', '-f', file, '--url', 'http://other/')
    assert.equal(code, exitCode.ok)
    assert.match(stdout, /^404 {2}no route takes it: no listener takes the host other/u)
  })
  it('refuses a URL or header that is none', async () => {
    await using files = await folder()
    const file = await files.write('a.yaml', edge)
    for (const words of [[], ['--url', '/api'], ['--url', 'http://x/', '-H', 'x-env']]) {
      const ran = await cli('gateway', 'explain', '-f', file, ...words)
      assert.equal(ran.code, exitCode.usage, words.join(' '))
    }
  })
})

describe('tidemill gateway status -f', () => {
  it('shows the conditions, and exits 1 when one does not hold', async () => {
    await using files = await folder()
    const file = await files.write('a.yaml', edge)
    const good = await cli('gateway', 'status', '-f', file)
    assert.equal(good.code, exitCode.ok, good.stdout)
    assert.match(good.stdout, /HTTPRoute +default\/web +edge +Accepted=True ResolvedRefs=True/u)
    const lost = await files.write('b.yaml', extra)
    const bad = await cli('gateway', 'status', '-f', lost)
    assert.equal(bad.code, exitCode.failure)
    assert.match(bad.stdout, /HTTPRoute default\/extra .*Accepted/u)
  })
  it('refuses manifests that are not valid, with every problem', async () => {
    await using files = await folder()
    const file = await files.write('a.yaml', edge.replace('port: 8080', 'port: 0'))
    const { code, stderr } = await cli('gateway', 'status', '-f', file)
    assert.equal(code, exitCode.failure)
    assert.match(stderr, /TM_CLI_MANIFESTS[\s\S]*a\.yaml:8:\d+/u)
  })
})

describe('tidemill gateway diff', () => {
  it('says field by field what differs, and hides what Secrets hold', async () => {
    await using files = await folder()
    const secret = (value: string): string =>
      `---\napiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata: { key: ${value} }\n`
    const old = await files.write('old.yaml', edge + secret('c2VjcmV0'))
    const changed = edge.replace('value: prod', 'value: live') + secret('b3RoZXI=')
    const next = await files.write('new.yaml', `${changed}---\n${extra}`)
    const { code, stdout } = await cli('gateway', 'diff', '-f', old, '-f', next)
    assert.equal(code, exitCode.failure)
    assert.deepEqual(stdout.trim().split('\n'), [
      '~ HTTPRoute default/web',
      '  - /spec/rules/0/matches/0/headers/0/value: "prod"',
      '  + /spec/rules/0/matches/0/headers/0/value: "live"',
      '~ Secret default/s',
      '  - /data/key: "***"',
      '  + /data/key: "***"',
      '+ HTTPRoute default/extra',
    ])
    assert.equal((await cli('gateway', 'diff', '-f', old, '-f', old)).code, exitCode.ok)
    assert.match(
      (await cli('gateway', 'diff', '-f', next, '-f', old)).stdout,
      /- HTTPRoute default\/extra/u,
    )
  })
})

describe('tidemill gateway replay', () => {
  it('counts the recorded requests that would go elsewhere', async () => {
    await using files = await folder()
    const file = await files.write('a.yaml', edge)
    const line = (path: string, rule: number): string =>
      JSON.stringify({
        method: 'GET',
        scheme: 'http',
        authority: 'shop',
        path,
        route: 'default/web',
        rule,
      })
    const log = [line('/a', 1), line('/api', 0), line('/api', 0), 'no json', '{}'].join('\n')
    const recorded = await files.write('access.log', `${log}\n`)
    const { code, stdout } = await cli('gateway', 'replay', '--log', recorded, '-f', file, '--json')
    assert.equal(code, exitCode.failure)
    assert.deepEqual(dataOf(stdout), {
      lines: 5,
      requests: 3,
      rerouted: 2,
      skipped: 2,
      moves: [{ from: 'default/web rule 0', to: 'default/web rule 1', requests: 2 }],
      examples: [2, 3].map((at) => ({
        line: at,
        method: 'GET',
        url: 'http://shop/api',
        from: 'default/web rule 0',
        to: 'default/web rule 1',
      })),
    })
    const same = await files.write('same.log', `${line('/a', 1)}\n`)
    assert.equal((await cli('gateway', 'replay', '--log', same, '-f', file)).code, exitCode.ok)
  })
  it('says what to do without a log, or with a file that is none', async () => {
    await using files = await folder()
    const file = await files.write('a.yaml', edge)
    for (const words of [[], ['--log', files.path('none')], ['--log', file]]) {
      const { code, stderr } = await cli('gateway', 'replay', '-f', file, ...words)
      assert.equal(code, exitCode.usage)
      assert.match(stderr, /try: /u)
    }
  })
})
