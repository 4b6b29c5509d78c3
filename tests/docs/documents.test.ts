import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { codeBlocks, fileLinks, headings, inlineCode } from './markdown.ts'

const root = path.join(import.meta.dirname, '..', '..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function manifests(pattern: string): Manifest[] {
  return globSync(pattern, { cwd: root }).map((file) => JSON.parse(read(file)) as Manifest)
}

const translations: readonly (readonly [english: string, chinese: string])[] = [
  ['README.md', 'README.zh-CN.md'],
  ['docs/getting-started.md', 'docs/zh-CN/getting-started.md'],
]

for (const [english, chinese] of translations) {
  test(`${chinese} has the sections, code blocks and names of ${english}`, () => {
    const [en, zh] = [read(english), read(chinese)]
    assert.deepEqual(
      headings(zh).map((heading) => heading.level),
      headings(en).map((heading) => heading.level),
    )
    assert.deepEqual(codeBlocks(zh), codeBlocks(en))
    assert.deepEqual(inlineCode(zh).toSorted(), inlineCode(en).toSorted())
  })
}

test('every link between documents leads to a file', () => {
  const files = globSync(['*.md', 'docs/**/*.md', 'bench/*.md', 'packages/*/README.md'], {
    cwd: root,
  })
  assert.ok(files.length > 5)
  const dead = files.flatMap((file) =>
    fileLinks(read(file))
      .filter((target) => !existsSync(path.join(root, path.dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  )
  assert.deepEqual(dead, [])
})

test('code blocks say what they are', () => {
  const files = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: root })
  const bare = files.filter((file) => codeBlocks(read(file)).some((block) => block.language === ''))
  assert.deepEqual(bare, [])
})

test('the README lists every package', () => {
  const text = read('README.md')
  const missing = manifests('packages/*/package.json')
    .map((manifest) => manifest.name)
    .filter((name) => !text.includes(`\`${name}\``))
  assert.deepEqual(missing, [])
})

test('the README names only benches that exist', () => {
  const named = [...read('README.md').matchAll(/npm run bench -- ([a-z\d-]+)/gu)].map(
    ([, name = '']) => name,
  )
  assert.ok(named.length > 0)
  const missing = named.filter((name) => !existsSync(path.join(root, 'bench', `${name}.ts`)))
  assert.deepEqual(missing, [])
})

test('dependencies.md explains every third-party runtime dependency, and no other', () => {
  const used = manifests('{packages,apps}/*/package.json')
    .flatMap((manifest) => Object.keys(manifest.dependencies ?? {}))
    .filter((name) => !name.startsWith('@tidemill/'))
  const [runtime = ''] = read('dependencies.md').split('## Development')
  const explained = [...runtime.matchAll(/^\| `([^`]+)` \|/gmu)].map(([, name = '']) => name)
  assert.deepEqual([...new Set(used)].toSorted(), explained.toSorted())
})

test('the lock file names no registry, so that any mirror serves it', () => {
  const hosts = read('package-lock.json').match(/"resolved": *"https?:[^"]*"/gu)
  assert.deepEqual(hosts, null)
})
