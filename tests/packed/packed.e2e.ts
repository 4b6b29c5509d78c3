/** What npm would publish works in an empty folder, as a stranger would use it: built files only, no workspace. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { run } from '../../scripts/engines/run.ts'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, unknown>>
}

const root = path.join(import.meta.dirname, '..', '..')
const bin = path.join(root, 'node_modules', '.bin')

// The workspace's npm settings would make the installed packages resolve to their sources.
const clean = Object.keys(process.env).filter((key) => /^(?:NODE_OPTIONS|npm_.*)$/iu.test(key))

async function sh(file: string, args: readonly string[], cwd: string): Promise<string> {
  const unset = clean.flatMap((key) => ['-u', key])
  return await run('env', [...unset, file, ...args], {
    cwd,
    env: { PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}` },
  })
}

async function manifests(): Promise<Manifest[]> {
  const files = globSync('packages/*/package.json', { cwd: root }).toSorted()
  const all = await Promise.all(
    files.map(
      async (file) => JSON.parse(await readFile(path.join(root, file), 'utf8')) as Manifest,
    ),
  )
  return all.filter((manifest) => manifest.private !== true)
}

describe('the packed packages', () => {
  let folder = ''
  let published: Manifest[] = []

  before(async () => {
    published = await manifests()
    assert.ok(published.length > 0)
    folder = await mkdtemp(path.join(os.tmpdir(), 'tidemill-packed-'))
    const tarballs = path.join(folder, 'tarballs')
    await mkdir(tarballs)
    await sh('tsc', ['-b', 'tsconfig.build.json'], root)
    const names = published.flatMap((manifest) => ['--workspace', manifest.name])
    await sh('npm', ['pack', '--silent', '--pack-destination', tarballs, ...names], root)
    const dependencies = published.map(({ name, version }) => {
      const file = `${name.slice(1).replace('/', '-')}-${version}.tgz`
      return [name, `file:./tarballs/${file}`] as const
    })
    await writeFile(
      path.join(folder, 'package.json'),
      JSON.stringify({
        name: 'stranger',
        version: '1.0.0',
        type: 'module',
        dependencies: Object.fromEntries(dependencies),
      }),
    )
    // Offline proves that the tarballs are enough: nothing else is needed to run them.
    await sh('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent'], folder)
  })

  after(() => rm(folder, { recursive: true, force: true }))

  it('carry what they declare and no tests', () => {
    for (const { name, exports } of published) {
      const home = path.join(folder, 'node_modules', name)
      const files = globSync('**/*', { cwd: home })
      assert.deepEqual(
        files.filter((file) => /(?:^|\/)test\/|\.tsbuildinfo$/u.test(file)),
        [],
        name,
      )
      for (const target of Object.values(exports)) {
        const named = typeof target === 'string' ? [target] : Object.values(target as object)
        for (const file of named as readonly string[])
          assert.ok(files.includes(path.normalize(file)), `${name} lacks ${file}`)
      }
    }
  })

  it('type-check in a strict program that imports every entry', async () => {
    const entries = published.flatMap(({ name, exports }) =>
      Object.keys(exports)
        .filter((subpath) => subpath !== './package.json')
        .map((subpath) => name + subpath.slice(1)),
    )
    const source = entries.map((entry, index) => `export * as e${index} from '${entry}'`)
    const use = `
import { parseDuration, TidemillError } from '@tidemill/core'
export const ms: number = parseDuration('5s')
export const known: boolean = TidemillError.is(new Error('x'))
`
    await writeFile(path.join(folder, 'use.ts'), `${source.join('\n')}\n${use}`)
    const options = {
      compilerOptions: {
        target: 'ES2024',
        lib: ['ES2024', 'ESNext.Disposable', 'ESNext.Collection', 'ESNext.Iterator'],
        module: 'NodeNext',
        strict: true,
        skipLibCheck: false,
        noEmit: true,
        types: ['node'],
        typeRoots: [path.join(root, 'node_modules', '@types')],
      },
      files: ['use.ts'],
    }
    await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(options))
    await sh('tsc', ['-p', 'tsconfig.json'], folder)
  })

  it('load from their built files', async () => {
    const names = JSON.stringify(published.map(({ name }) => name))
    const program = `
      for (const name of ${names}) {
        await import(name)
        const url = import.meta.resolve(name)
        if (!url.includes('/dist/')) throw new Error(url)
      }
      console.log('loaded')
    `
    const out = await sh('node', ['--input-type=module', '--eval', program], folder)
    assert.equal(out, 'loaded\n')
  })

  it('give the tidemill command', async () => {
    const cli = published.find(({ name }) => name === '@tidemill/cli')
    const out = await sh('npx', ['tidemill', '--version'], folder)
    assert.ok(out.includes(cli?.version ?? 'no cli'), out)
  })
})
