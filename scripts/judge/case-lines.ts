import type { CaseResult } from './suite.ts'

/** What a program of several cases printed: `ok NAME` or `not ok NAME: reason`, a line each. */
export function parseCaseLines(
  names: readonly string[],
  stdout: string,
  stderr: string,
): readonly CaseResult[] {
  const lines = stdout.split('\n')
  return names.map((id) => {
    if (lines.includes(`ok ${id}`)) return { id, passed: true }
    const failed = `not ok ${id}: `
    const line = lines.find((one) => one.startsWith(failed))
    const detail = line === undefined ? `did not run: ${stderr.trim()}` : line.slice(failed.length)
    return { id, passed: false, detail }
  })
}
