import { close, open, openSync, write } from 'node:fs'
import type { Clock } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'

/** Where lines go. One call at a time; nothing of it may block. Each calls `done` once. */
export interface LogSink {
  /** Writes all bytes, which must not change until `done`. */
  write(bytes: Uint8Array, done: (error: unknown) => void): void
  /** Begins a new file where the old one was moved away; the old one stays in use when that fails. */
  reopen(done: (error: unknown) => void): void
  close(done: () => void): void
}

export type SinkTarget = { readonly path: string } | { readonly fd: number }

/**
 * Appends to a file, made when it is absent and readable by owner and group alone, or writes to an open file such as
 * standard output, which is neither reopened nor closed. Throws TM_GATEWAY_ACCESS_LOG.
 */
export function createFileSink(target: SinkTarget, clock: Clock): LogSink {
  return new FileSink(target, clock)
}

class FileSink implements LogSink {
  readonly #path: string | undefined
  readonly #clock: Clock
  #fd: number

  constructor(target: SinkTarget, clock: Clock) {
    this.#clock = clock
    if ('fd' in target) {
      this.#path = undefined
      this.#fd = target.fd
      return
    }
    this.#path = target.path
    try {
      this.#fd = openSync(target.path, 'a', 0o640)
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      throw gatewayErrors.error(
        'TM_GATEWAY_ACCESS_LOG',
        { path: target.path, reason },
        { cause: error },
      )
    }
  }

  write(bytes: Uint8Array, done: (error: unknown) => void): void {
    let sent = 0
    const next = (): void => {
      write(this.#fd, bytes, sent, bytes.length - sent, null, (error, written) => {
        // A pipe that its reader leaves full.
        if (error?.code === 'EAGAIN') this.#clock.timer(10, next, { ref: false })
        else if (error !== null) done(error)
        else {
          sent += written
          if (sent < bytes.length) next()
          else done(undefined)
        }
      })
    }
    next()
  }

  reopen(done: (error: unknown) => void): void {
    if (this.#path === undefined) {
      done(undefined)
      return
    }
    open(this.#path, 'a', 0o640, (error, fd) => {
      if (error !== null) {
        done(error)
        return
      }
      const old = this.#fd
      this.#fd = fd
      close(old, () => done(undefined))
    })
  }

  close(done: () => void): void {
    if (this.#path === undefined) done()
    else close(this.#fd, () => done())
  }
}
