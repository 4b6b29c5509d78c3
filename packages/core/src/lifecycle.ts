import { type Clock, realClock } from './clock.ts'
import { coreErrors } from './errors.ts'

/** Everything long-lived: `close` is idempotent, finishes what was begun, then releases. */
export interface Closable extends AsyncDisposable {
  close(): Promise<void>
}

/** Counts what is in flight, so that closing can wait for it. */
export interface Drain {
  readonly inFlight: number
  readonly draining: boolean
  /** Registers one piece of work; call the result once when it is over. Throws TM_CORE_CLOSED when draining. */
  enter(): () => void
  /** Refuses new work and resolves when the last piece is over, or rejects with TM_CORE_DEADLINE. */
  drain(timeoutMs: number): Promise<void>
}

export function createDrain(what: string, clock: Clock = realClock): Drain {
  let inFlight = 0
  let draining = false
  const waiting = new Set<() => void>()
  return {
    get inFlight() {
      return inFlight
    },
    get draining() {
      return draining
    },
    enter() {
      if (draining) throw coreErrors.error('TM_CORE_CLOSED', { what })
      inFlight++
      let over = false
      return () => {
        if (over) return
        over = true
        inFlight--
        if (inFlight === 0) for (const wake of waiting) wake()
      }
    },
    async drain(timeoutMs) {
      draining = true
      if (inFlight === 0) return
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          timer.cancel()
          waiting.delete(wake)
          resolve()
        }
        const timer = clock.timer(timeoutMs, () => {
          waiting.delete(wake)
          const details = { what: `draining ${what}`, ms: timeoutMs, inFlight }
          reject(coreErrors.error('TM_CORE_DEADLINE', details))
        })
        waiting.add(wake)
      })
    },
  }
}

/** Closes in reverse order of adding, every one even when an earlier one fails; then throws the first failure. */
export interface CloseStack extends Closable {
  add<T extends { close(): Promise<void> }>(resource: T): T
  defer(close: () => Promise<void> | void): void
}

export function createCloseStack(): CloseStack {
  const closers: (() => Promise<void> | void)[] = []
  let closing: Promise<void> | undefined
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = []
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  const stack: CloseStack = {
    add(resource) {
      closers.push(() => resource.close())
      return resource
    },
    defer(close) {
      closers.push(close)
    },
    close: () => (closing ??= closeAll()),
    [Symbol.asyncDispose]: () => stack.close(),
  }
  return stack
}
