import { TidemillError } from '@tidemill/core'

/** What a shell script can rely on. */
export const exitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  permission: 4,
  conflict: 5,
  unavailable: 6,
  timeout: 7,
  threshold: 99,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

const byHttp: Readonly<Record<number, ExitCode>> = {
  400: exitCode.usage,
  401: exitCode.permission,
  403: exitCode.permission,
  404: exitCode.notFound,
  409: exitCode.conflict,
  412: exitCode.conflict,
  503: exitCode.unavailable,
  504: exitCode.timeout,
}

/** The exit code that an error stands for; anything that is not one of ours is a plain failure. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!TidemillError.is(error)) return exitCode.failure
  return byHttp[error.http] ?? exitCode.failure
}
