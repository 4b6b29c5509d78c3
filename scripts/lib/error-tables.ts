import { globSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Table } from './error-docs.ts'

export interface TableFile {
  /** Relative to the repository. */
  readonly file: string
  readonly tables: readonly Table[]
}

/** The error tables of all packages: `src/errors.ts`, and those of folders of `src`, ordered by file. */
export async function errorTables(root: string): Promise<readonly TableFile[]> {
  const found: TableFile[] = []
  for (const file of globSync('packages/*/src/{,*/}errors.ts', { cwd: root }).toSorted()) {
    const exports = (await import(pathToFileURL(path.join(root, file)).href)) as object
    const tables = Object.values(exports).filter(isTable)
    // A command may be called so too.
    if (tables.length > 0) found.push({ file, tables })
  }
  return found
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && 'system' in value && 'rows' in value
}
