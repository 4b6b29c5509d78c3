import type { Clock } from '@tidemill/core'
import type { EventFilter, StoredEvent } from '../event.ts'
import type { EventSchema } from '../event-schema.ts'
import { readEvent } from './event-row.ts'
import type { EventSource } from './event-source.ts'

const pollMs = { first: 20, last: 1000 }

/**
 * All events after `after` that pass the filter, in order; at the head it waits for a wake, and polls at 20 ms
 * doubling to 1 s because a wake is a hint that may be lost. Ends, without an error, when the signal aborts.
 */
export async function* createSubscription(options: {
  readonly source: EventSource
  readonly filter: EventFilter
  readonly schema: EventSchema | undefined
  readonly after: number
  readonly signal: AbortSignal
  readonly clock: Clock
}): AsyncGenerator<StoredEvent> {
  const { source, filter, schema, signal, clock } = options
  let { after } = options
  let delay = pollMs.first
  let woken = false
  let wakeUp: (() => void) | undefined
  const wake = (): void => {
    woken = true
    wakeUp?.()
  }
  const stop = source.listen(wake)
  signal.addEventListener('abort', wake)
  try {
    while (!signal.aborted) {
      woken = false
      const window = await source.window(filter, after, 500)
      for (const row of window.rows) {
        if (signal.aborted) return
        const event = readEvent(row, schema)
        if (event !== undefined) yield event
      }
      if (window.to > after) delay = pollMs.first
      after = window.to
      if (after < window.head) continue
      await new Promise<void>((resolve) => {
        const timer = clock.timer(delay, resolve)
        wakeUp = () => {
          timer.cancel()
          resolve()
        }
        if (woken || signal.aborted) wakeUp()
      })
      wakeUp = undefined
      delay = Math.min(delay * 2, pollMs.last)
    }
  } finally {
    stop()
    signal.removeEventListener('abort', wake)
  }
}
