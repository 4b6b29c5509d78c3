/** Runs what the documents tell their readers to run: every `ts` block as a program, the `sh` blocks as one session. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { type TestContext, test } from 'node:test'
import { run } from '../../scripts/engines/run.ts'
import { codeBlocks } from './markdown.ts'

const root = path.join(import.meta.dirname, '..', '..')
const bin = path.join(root, 'node_modules', '.bin')
// A reader runs from the clone, where .npmrc sets this; the folder of a test has no .npmrc.
const environment = {
  NODE_OPTIONS: '--conditions=@tidemill/source',
  PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`,
}
const own = new Set(['data', 'node_modules', 'package.json'])

/** A folder that looks like the document's own but takes what the blocks write. */
async function folderLike(t: TestContext, folder: string): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'tidemill-docs-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const entries = await readdir(path.join(root, folder))
  await Promise.all([
    ...entries
      .filter((entry) => !own.has(entry) && !entry.startsWith('.'))
      .map((entry) => symlink(path.join(root, folder, entry), path.join(dir, entry))),
    symlink(path.join(root, 'node_modules'), path.join(dir, 'node_modules')),
    writeFile(path.join(dir, 'package.json'), '{"private":true,"type":"module"}'),
    mkdir(path.join(dir, 'data')),
  ])
  return dir
}

interface UpDocument {
  readonly data: { readonly console: string; readonly gateway: string }
}

/** The platform that a page takes for granted, on free ports. */
async function platform(t: TestContext, dir: string): Promise<Readonly<Record<string, string>>> {
  const args = ['up', '--data', path.join(dir, 'data', 'tour'), '--port', 'auto', '--json']
  const child: ChildProcess = spawn(path.join(bin, 'tidemill'), args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  assert.ok(child.stdout !== null)
  const lines = readline.createInterface({ input: child.stdout })
  // `close` without a line: it ended before it was ready, and said why on stderr.
  const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?]
  assert.ok(line !== undefined, 'tidemill up ended before it was ready')
  const { data } = JSON.parse(line) as UpDocument
  return { GATEWAY: data.gateway, TIDEMILL_URL: data.console }
}

/** Documents whose `sh` blocks talk to a running platform. */
const needsPlatform = new Set(['docs/getting-started.md'])
// The Chinese pages carry the same blocks; documents.test.ts compares them.
const documents = globSync(
  ['*.md', 'bench/*.md', 'docs/**/*.md', 'packages/{http1,http2,rpc}/README.md'],
  { cwd: root },
)
  .filter((file) => !file.includes('zh-CN'))
  .toSorted()

for (const document of documents) {
  const blocks = codeBlocks(readFileSync(path.join(root, document), 'utf8'))
  const programs = blocks.filter((block) => block.language === 'ts')
  const session = blocks.filter((block) => block.language === 'sh').map((block) => block.code)

  for (const [index, program] of programs.entries()) {
    test(`program ${index + 1} of ${document} runs`, async (t) => {
      const dir = await folderLike(t, path.dirname(document))
      await writeFile(path.join(dir, 'block.ts'), program.code)
      await run('node', ['block.ts'], { cwd: dir, env: environment })
    })
  }

  if (session.length > 0) {
    test(`the commands of ${document} run`, async (t) => {
      const dir = await folderLike(t, '.')
      const running = needsPlatform.has(document) ? await platform(t, dir) : {}
      const script = ['set -euo pipefail', ...session].join('\n')
      await run('bash', ['-c', script], { cwd: dir, env: { ...environment, ...running } })
    })
  }
}
