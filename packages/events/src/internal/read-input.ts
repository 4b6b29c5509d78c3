import type { Problem } from '@tidemill/core'
import { eventsErrors } from '../errors.ts'
import { appendLimits, type EventFilter } from '../event.ts'

/** Each is a parameter of the statement. */
export const mostTypes = 100

/**
 * Refuses what no page can be read by: a position that is NaN or text compares with nothing, and a reader with it
 * would wait for ever.
 */
export function checkReading(
  places: Readonly<Record<string, unknown>>,
  { types = [], tags = [] }: EventFilter = {},
): void {
  const problems: Problem[] = []
  for (const [name, value] of Object.entries(places)) {
    if (Number.isSafeInteger(value) && (value as number) >= 0) continue
    problems.push({
      path: `/${name}`,
      message: 'is not a whole number from 0',
      received: String(value),
    })
  }
  if (types.length > mostTypes) {
    problems.push({ path: '/types', message: `must be at most ${mostTypes} event types` })
  }
  if (tags.length > appendLimits.tags) {
    problems.push({ path: '/tags', message: `must be at most ${appendLimits.tags} tags` })
  }
  const [first] = problems
  if (first === undefined) return
  const summary = `${first.path} ${first.message}`
  throw eventsErrors.error('TM_EVENTS_INVALID_INPUT', { summary, problems })
}
