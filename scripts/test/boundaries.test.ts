import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkBoundaries } from '../boundaries.ts'

const manifest = (name: string, layer: number, dependencies: readonly string[] = []): string =>
  JSON.stringify({
    name: `@tidemill/${name}`,
    exports: { '.': './src/index.ts', './extra': './src/extra.ts' },
    dependencies: Object.fromEntries(dependencies.map((one) => [one, '1'])),
    tidemill: { layer },
  })

/** Problems of a repository that holds `low` (0), `left` and `right` (1) and the files given. */
function problems(t: TestContext, files: Readonly<Record<string, string>>): readonly string[] {
  const root = mkdtempSync(path.join(os.tmpdir(), 'tidemill-boundaries-'))
  t.after(() => rmSync(root, { recursive: true }))
  const all: Readonly<Record<string, string>> = {
    'package.json': JSON.stringify({ devDependencies: { 'fast-check': '1' } }),
    'packages/low/package.json': manifest('low', 0),
    'packages/low/src/index.ts': "export { a } from './a.ts'\n",
    'packages/left/package.json': manifest('left', 1, ['@tidemill/low', '@tidemill/right']),
    'packages/left/src/index.ts': "import '@tidemill/low'\n",
    'packages/right/package.json': manifest('right', 1, ['@tidemill/low']),
    'packages/right/src/index.ts': 'export {}\n',
    ...files,
  }
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), text)
  }
  return checkBoundaries(root).problems
}

const cases: Readonly<Record<string, readonly [file: string, text: string, expected: RegExp]>> = {
  'an undeclared package': ['right/src/index.ts', "import x from 'left-pad'", /not declared/u],
  'an undeclared sibling in a test': [
    'low/test/a.test.ts',
    "import '@tidemill/left'",
    /not declared/u,
  ],
  'a sibling of the same layer': [
    'left/src/index.ts',
    "import '@tidemill/right'",
    /is layer 1, not below layer 1/u,
  ],
  'a higher layer behind an import over several lines': [
    'low/package.json',
    manifest('low', 0, ['@tidemill/left']),
    /^packages\/low\/src\/up\.ts:4: @tidemill\/left is layer 1, not below layer 0/u,
  ],
  'a subpath that is not exported': [
    'left/src/index.ts',
    "export * from '@tidemill/low/internal/a'",
    /is not exported/u,
  ],
  'a relative import that leaves the package': [
    'left/src/index.ts',
    "import '../../low/src/index.ts'",
    /leaves packages\/left\/src/u,
  ],
  'source that reaches into tests': [
    'left/src/index.ts',
    "const m = await import('../test/helper.ts')",
    /leaves packages\/left\/src/u,
  ],
  'a worker file outside the package': [
    'left/src/index.ts',
    "new URL('../../low/src/w.ts', import.meta.url)",
    /leaves/u,
  ],
  'a development tool in source': [
    'left/src/index.ts',
    "import fc from 'fast-check'",
    /not declared/u,
  ],
}

for (const [what, [file, text, expected]] of Object.entries(cases)) {
  test(`boundaries refuse ${what}`, (t) => {
    const up = "import {\n  a,\n  b,\n} from '@tidemill/left'\n"
    const extra = file === 'low/package.json' ? { 'packages/low/src/up.ts': up } : {}
    const found = problems(t, { [`packages/${file}`]: text, ...extra })
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', expected)
  })
}

test('boundaries accept declared lower packages, subpaths, tools in tests and words in comments', (t) => {
  const text = [
    "import fs from 'node:fs'",
    "import type { A } from '@tidemill/low/extra'",
    "// import '@tidemill/nowhere'",
    "/** import '@tidemill/nowhere' */",
    "const globs = ['packages/*/src']",
    "import '../package.json'",
  ].join('\n')
  const found = problems(t, {
    'packages/left/src/index.ts': text,
    'packages/left/test/a.test.ts':
      "import fc from 'fast-check'\nimport { needs } from '../../../scripts/engines/require.ts'\nimport '../src/index.ts'\n",
  })
  assert.deepEqual(found, [])
})

test('boundaries fail when there is nothing to judge', (t) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'tidemill-boundaries-'))
  t.after(() => rmSync(root, { recursive: true }))
  writeFileSync(path.join(root, 'package.json'), '{}')
  assert.deepEqual(checkBoundaries(root).problems, ['saw no package or no import to judge'])
})
