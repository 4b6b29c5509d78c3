import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** stdout carries the result only; everything else (progress, warnings, errors) is on stderr. */
export interface Output {
  readonly json: boolean
  /** True when a person looks at stderr: progress may redraw a line. */
  readonly interactive: boolean
  readonly columns: number
  /** One line of the result. */
  line(text?: string): void
  /** The one JSON document of a `--json` run. */
  document(schema: string, data: unknown): void
  /** One record of a streaming command, as NDJSON or as text. */
  record(schema: string, data: unknown, text: string): void
  /** A line for the person, on stderr. */
  note(text: string): void
  /** A line on stderr that says what failed: also shown when quiet. */
  failure(text: string): void
  /** Redraws one status line on an interactive stderr; nothing otherwise. */
  status(text: string): void
  style(style: Style, text: string): string
}

export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean | undefined
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: NodeJS.ProcessEnv
}

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, env, json, quiet } = options
  const interactive = stderr.isTTY && !json && !quiet && env['TERM'] !== 'dumb'
  const colored = !json && (options.color ?? wantsColor(env, stdout.isTTY))
  let statusShown = false
  const clearStatus = (): void => {
    if (statusShown) stderr.write('\r\u001B[2K')
    statusShown = false
  }
  const write = (text: string): void => {
    clearStatus()
    stdout.write(`${text}\n`)
  }
  const complain = (text: string): void => {
    clearStatus()
    stderr.write(`${text}\n`)
  }
  return {
    json,
    interactive,
    columns: stdout.columns ?? 100,
    line: (text = '') => write(text),
    document: (schema, data) => write(toJson({ schema, data })),
    record: (schema, data, text) => write(json ? toJson({ schema, data }) : text),
    note(text) {
      if (!quiet) complain(text)
    },
    failure: complain,
    status(text) {
      if (!interactive) return
      stderr.write(`\r\u001B[2K${text.slice(0, (stderr.columns ?? 100) - 1)}`)
      statusShown = text !== ''
    },
    style: (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text),
  }
}

function wantsColor(env: NodeJS.ProcessEnv, tty: boolean): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0') return true
  return tty && env['TERM'] !== 'dumb'
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? item.toString() : item,
  )
}
