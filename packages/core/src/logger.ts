export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** Where a library says what happened; it never prints by itself. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void
}

/** Says nothing; the default of every library. */
export const silentLogger: Logger = { log: () => undefined }
