import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Problem } from '@tidemill/core'
import {
  manifestFiles,
  type ManifestObject,
  type ManifestProblem,
  readManifests,
} from '@tidemill/gateway/admin'
import { cliErrors } from './errors.ts'

/** Manifests of several files, read once. */
export interface ReadFiles {
  readonly objects: readonly ManifestObject[]
  readonly problems: readonly ManifestProblem[]
}

/** Reads files, folders and `-` for standard input. Every problem of all of them is told, nothing is thrown for one. */
export async function readFiles(paths: readonly string[]): Promise<ReadFiles> {
  const objects: ManifestObject[] = []
  const problems: ManifestProblem[] = []
  const seen = new Map<string, ManifestObject>()
  const names = paths.includes('-')
    ? ['-', ...(await manifestFiles(paths.filter((path) => path !== '-')))]
    : await manifestFiles(paths)
  for (const name of names) {
    const source = name === '-' ? await text(process.stdin) : await readFile(name, 'utf8')
    const found = readManifests(source, name === '-' ? 'stdin' : name)
    problems.push(...found.problems)
    for (const one of found.objects) {
      const id = `${one.kind} ${one.key}`
      const first = seen.get(id)
      if (first === undefined) {
        seen.set(id, one)
        objects.push(one)
        continue
      }
      const message = `is in ${first.file} already, at line ${first.line}`
      const { file, line } = one
      problems.push({
        severity: 'error',
        file,
        line,
        column: 1,
        object: id,
        path: '/metadata/name',
        message,
      })
    }
  }
  return { objects, problems }
}

/** As `readFiles`; TM_CLI_MANIFESTS with every problem when there is an error among them, TM_CLI_USAGE without files. */
export async function readValidFiles(paths: readonly string[]): Promise<ReadFiles> {
  needFiles(paths)
  const files = await readFiles(paths)
  const errors = files.problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw manifestsError(errors)
  return files
}

export function needFiles(paths: readonly string[]): void {
  if (paths.length > 0) return
  throw cliErrors.error('TM_CLI_USAGE', {
    what: 'no manifest is named',
    suggestion: 'Name files or folders with -f FILE.',
  })
}

export function manifestsError(errors: readonly ManifestProblem[]): Error {
  const problems = errors.map(
    (one): Problem => ({
      path: placeOf(one),
      message: `${one.object} ${one.path} ${one.message}`.trim(),
    }),
  )
  return cliErrors.error('TM_CLI_MANIFESTS', { count: errors.length, problems })
}

/** `file:line:column`, which editors and terminals open. */
export function placeOf({ file, line, column }: ManifestProblem): string {
  return `${file}:${line}:${column}`
}

export function problemText(one: ManifestProblem): string {
  return `${placeOf(one)}: ${one.severity}: ${[one.object, one.path, one.message].filter((part) => part !== '').join(' ')}`
}
