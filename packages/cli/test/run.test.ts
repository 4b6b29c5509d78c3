import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { commandTable, exitCode, run } from '@tidemill/cli'
import { version } from '../src/version.ts'

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

describe('tidemill', () => {
  it('prints its version, also as JSON', async () => {
    assert.equal((await cli('--version')).stdout, `tidemill ${version}\n`)
    const { stdout } = await cli('--version', '--json')
    assert.equal((JSON.parse(stdout) as { schema: string }).schema, 'tidemill.version.v1')
  })
  it('lists every command in the overview and gives each a help page with an example', async () => {
    const overview = await cli()
    for (const command of commandTable) {
      assert.ok(overview.stdout.includes(command.path.join(' ')), command.path.join(' '))
      const page = await cli('help', ...command.path)
      assert.equal(page.code, exitCode.ok)
      assert.ok(page.stdout.includes(command.examples[0]?.run ?? '?'), command.path.join(' '))
    }
  })
  it('loads the module of every command', async () => {
    for (const command of commandTable) {
      assert.equal(typeof (await command.load()).execute, 'function', command.path.join(' '))
    }
  })
  it('answers an unknown command with three lines on stderr, nothing on stdout and exit code 2', async () => {
    const { code, stdout, stderr } = await cli('stauts')
    assert.equal(code, exitCode.usage)
    assert.equal(stdout, '')
    assert.match(
      stderr,
      /^error\[TM_CLI_COMMAND_UNKNOWN\]: .*\n {2}try: Did you mean `tidemill status`\?\n$/u,
    )
  })
  it('reports an error under --json as one document on stderr', async () => {
    const { stderr } = await cli('stauts', '--json')
    const document = JSON.parse(stderr) as { schema: string; data: { code: string } }
    assert.equal(document.schema, 'tidemill.error.v1')
    assert.equal(document.data.code, 'TM_CLI_COMMAND_UNKNOWN')
  })
  it('says how to start a platform when none answers, with exit code 6', async () => {
    const { code, stderr } = await cli('status', '--url', 'http://127.0.0.1:1')
    assert.equal(code, exitCode.unavailable)
    assert.match(stderr, /TM_CLI_UNREACHABLE[\s\S]*tidemill up/u)
  })
  it('explains a code in both languages and suggests the nearest for an unknown one', async () => {
    assert.match((await cli('errors', 'TM_CLI_UNREACHABLE')).stdout, /no running platform/u)
    assert.match(
      (await cli('errors', 'tm_cli_unreachable', '--lang', 'zh')).stdout,
      /没有正在运行的平台/u,
    )
    const unknown = await cli('errors', 'TM_CLI_UNREACHABL')
    assert.equal(unknown.code, exitCode.notFound)
    assert.match(unknown.stderr, /TM_CLI_CODE_UNKNOWN[\s\S]*TM_CLI_UNREACHABLE/u)
  })
  it('writes completion for each shell with every command in it, and refuses other shells', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { stdout } = await cli('completion', shell)
      for (const command of commandTable) assert.ok(stdout.includes(command.path.at(-1) ?? '?'))
    }
    assert.equal((await cli('completion', 'tcsh')).code, exitCode.usage)
  })
})
