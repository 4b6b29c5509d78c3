import type { Logger } from '@tidemill/core'
import type { Output } from './output.ts'

/** Warnings and errors of a running gateway as lines on stderr; everything when `verbose`. */
export function gatewayLog(out: Output, verbose: boolean): Logger {
  return {
    log(level, message, fields = {}) {
      if (!verbose && (level === 'debug' || level === 'info')) return
      if (out.json) {
        out.failure(
          JSON.stringify({ schema: 'tidemill.log.v1', data: { level, message, ...plain(fields) } }),
        )
        return
      }
      const details = Object.entries(plain(fields)).map(
        ([name, value]) => `${name}=${shown(value)}`,
      )
      out.note([`${level}: ${message}`, ...details].join(' '))
    },
  }
}

function plain(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? value.message : value,
    ]),
  )
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
}
