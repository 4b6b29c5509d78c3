import { type Problem, TidemillError } from '@tidemill/core'
import type { Output } from './output.ts'

/** Tells an error as three lines: what, where and why, what to try. Under --json as one document on stderr. */
export function reportError(error: unknown, out: Output, verbose: boolean): void {
  if (out.json) {
    out.failure(JSON.stringify({ schema: 'tidemill.error.v1', data: errorData(error) }))
    return
  }
  if (!TidemillError.is(error)) {
    const plain = error instanceof Error ? error : new Error(String(error))
    out.failure(
      `${out.style('red', 'error')}: ${verbose ? (plain.stack ?? plain.message) : plain.message}`,
    )
    if (!verbose) out.failure('  try: the same command with -v for the stack trace')
    return
  }
  out.failure(`${out.style('red', `error[${error.code}]`)}: ${error.text}`)
  for (const problem of problemsOf(error)) out.failure(`  ${problemLine(problem)}`)
  const cause = causeLine(error.cause)
  if (cause !== undefined) out.failure(`  because: ${cause}`)
  if (error.hint !== undefined) out.failure(`  try: ${error.hint}`)
  if (verbose) out.failure(out.style('dim', error.stack ?? ''))
}

function errorData(error: unknown): unknown {
  if (TidemillError.is(error)) return error.toJSON()
  return { message: error instanceof Error ? error.message : String(error) }
}

function problemsOf(error: TidemillError): readonly Problem[] {
  const { problems } = error.details
  return Array.isArray(problems) ? (problems as readonly Problem[]) : []
}

function problemLine(problem: Problem): string {
  const place =
    problem.line === undefined ? '' : ` (line ${problem.line}, column ${problem.column ?? 1})`
  return `${problem.path === '' ? '(whole)' : problem.path}${place}: ${problem.message}`
}

function causeLine(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.message : undefined
}
