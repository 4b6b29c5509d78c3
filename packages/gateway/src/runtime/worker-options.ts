import type { RuntimeOptions } from './runtime-options.ts'

/** What of the options reaches the workers, as the text of their one argument. */
export function workerArgument(options: RuntimeOptions): string {
  const { clock: _, random: __, logger: ___, ...rest } = options
  return JSON.stringify(rest)
}

export function readWorkerArgument(text: string | undefined): RuntimeOptions {
  return JSON.parse(text ?? '{}') as RuntimeOptions
}
