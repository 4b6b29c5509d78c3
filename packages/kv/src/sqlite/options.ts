import path from 'node:path'
import { parseDuration, type Problem, TidemillError } from '@tidemill/core'
import { notCount, refuse } from '../check.ts'
import { kvErrors } from '../errors.ts'
import type { KvOptions } from '../open.ts'
import type { Retention } from './compaction.ts'

const defaultRevisions = 10_000

/** The file that a `sqlite:` URL names, absolute, or `:memory:`; TM_KV_URL for anything else. */
export function fileOf(url: string): string {
  const file = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : ''
  if (file === ':memory:') return file
  if (file === '' || file.startsWith('//') || file.includes('\0')) {
    throw kvErrors.error('TM_KV_URL', { url })
  }
  return path.resolve(file)
}

/** Every problem of the options at once, as TM_KV_ARGUMENT. */
export function checkOptions(options: KvOptions): void {
  const problems: Problem[] = [
    ...notCount('/quotaBytes', options.quotaBytes ?? 0),
    ...notCount('/queueLimit', options.queueLimit ?? 0),
    ...notCount('/queueBytes', options.queueBytes ?? 0),
  ]
  const { history } = options
  if (typeof history === 'object' && 'revisions' in history) {
    problems.push(...notCount('/history/revisions', history.revisions))
  }
  if (typeof history === 'object' && 'age' in history) {
    try {
      parseDuration(history.age)
    } catch (error) {
      if (!TidemillError.is(error)) throw error
      problems.push({ path: '/history/age', message: error.text, received: history.age })
    }
  }
  refuse('openKv', problems)
}

export function retentionOf(history: KvOptions['history']): Retention {
  if (history === undefined) return { revisions: defaultRevisions }
  if (history === 'all') return { all: true }
  if ('age' in history) return { ageMs: parseDuration(history.age) }
  return { revisions: history.revisions }
}
