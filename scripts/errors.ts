/**
 * `npm run errors` writes docs/errors.md and docs/zh-CN/errors.md from every package's error table.
 * `node scripts/errors.ts --check` writes nothing and fails where the pages are stale, a source uses a
 * code that no table has, or a table has a code that no source uses or no test provokes.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { disagreements, errorPage } from './lib/error-docs.ts'
import { errorTables } from './lib/error-tables.ts'

const root = path.dirname(import.meta.dirname)
const tableFiles = await errorTables(root)
const tables = tableFiles.flatMap((one) => one.tables)

/** The suites that a package exports for the engines of its port: sources by place, tests by nature. */
const contractSuites = 'packages/*/src/testing/**/*.ts'

function read(patterns: string[], except: readonly string[] = []): Map<string, string> {
  const excluded = new Set(except.flatMap((pattern) => globSync(pattern, { cwd: root })))
  const files = globSync(patterns, { cwd: root }).filter((file) => !excluded.has(file))
  return new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]))
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}

if (tables.length === 0) throw new Error('no package has an error table')

const pages = [
  [path.join(root, 'docs', 'errors.md'), errorPage(tables, 'en')],
  [path.join(root, 'docs', 'zh-CN', 'errors.md'), errorPage(tables, 'zh-CN')],
] as const

if (process.argv.includes('--check')) {
  const problems = disagreements({
    tables,
    sources: read(
      ['packages/*/src/**/*.ts'],
      [...tableFiles.map((one) => one.file), contractSuites],
    ),
    tests: read([contractSuites, 'packages/*/test/**/*.ts', 'tests/**/*.ts']),
  })
  for (const [file, text] of pages) {
    if (readOr(file, '') !== text) {
      problems.push(`${path.relative(root, file)} is stale; run npm run errors`)
    }
  }
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
  else console.log(`errors ok: ${tables.length} tables`)
} else {
  for (const [file, text] of pages) {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
    console.log(path.relative(root, file))
  }
}
