import { run } from './run.ts'

/** True when the URL answers 200. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
  await response.arrayBuffer()
  return response.status === 200
}

/** True when the command exits 0. */
export async function succeeds(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  await run(file, args, { env })
  return true
}
