/**
 * Generates the TypeScript of packages/{rpc,shop}/proto: `node scripts/protos.ts` writes it, `--check` says what is stale
 * and exits 1. What ships goes to src/gen of the package, what only tests and benches use to scripts/lib/gen.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')

interface Output {
  /** Folder of the package, which holds the template. */
  readonly from: string
  readonly template: string
  /** Folder of the generated files, relative to the repository's root. */
  readonly folder: string
}

const outputs: readonly Output[] = [
  { from: 'packages/rpc', template: 'buf.gen.yaml', folder: 'packages/rpc/src/gen' },
  { from: 'packages/rpc', template: 'buf.gen.testing.yaml', folder: 'scripts/lib/gen' },
  { from: 'packages/shop', template: 'buf.gen.yaml', folder: 'packages/shop/src/gen' },
]

/** Writes below `base` what would be written below the repository's root. */
function generate(base: string): void {
  const bin = path.join(root, 'node_modules/.bin')
  for (const { from, template } of outputs) {
    execFileSync(
      path.join(bin, 'buf'),
      ['generate', '--template', template, '-o', path.join(base, from)],
      {
        cwd: path.join(root, from),
        stdio: 'inherit',
        env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}` },
      },
    )
  }
}

function listing(base: string, folder: string): Map<string, string> {
  const at = path.join(base, folder)
  const files = globSync('**/*.*', { cwd: at }).toSorted()
  return new Map(
    files.map((file) => [path.join(folder, file), readFileSync(path.join(at, file), 'utf8')]),
  )
}

/** Paths of generated files that are missing, stale or left over. */
export function staleProtos(): string[] {
  const base = mkdtempSync(path.join(tmpdir(), 'tm-protos-'))
  try {
    generate(base)
    return outputs.flatMap(({ folder }) => {
      const [fresh, kept] = [listing(base, folder), listing(root, folder)]
      const names = new Set([...fresh.keys(), ...kept.keys()])
      return [...names].filter((name) => fresh.get(name) !== kept.get(name))
    })
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

function write(): void {
  const base = mkdtempSync(path.join(tmpdir(), 'tm-protos-'))
  try {
    generate(base)
    for (const { folder } of outputs) {
      rmSync(path.join(root, folder), { recursive: true, force: true })
      cpSync(path.join(base, folder), path.join(root, folder), { recursive: true })
    }
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const stale = staleProtos()
    for (const file of stale) console.error(`stale: ${file} (run node scripts/protos.ts)`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    write()
  }
}
