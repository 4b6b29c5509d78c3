/**
 * Reporter for `node --test`: prints failures as they happen and progress while it waits, and leaves a record of what
 * ran for `scripts/test.ts` in the file that TIDEMILL_TEST_RECORD names.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

export interface SkippedTest {
  readonly file: string
  readonly name: string
  readonly reason: string
}

export interface TestRecord {
  readonly passed: number
  readonly failed: number
  readonly skipped: readonly SkippedTest[]
  /** Files from which at least one test was reported. */
  readonly files: readonly string[]
}

const progressMs = 10_000
const lingerMs = 30_000

function location(file: string | undefined, line?: number): string {
  const relative = file === undefined ? '' : path.relative(process.cwd(), file)
  return line === undefined ? relative : `${relative}:${line}`
}

function failure(error: Error): string {
  const cause = error.cause ?? error
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 4 })
  return text
    .split('\n')
    .slice(0, 60)
    .map((line) => `    ${line}`)
    .join('\n')
}

async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  const skipped: SkippedTest[] = []
  const files = new Set<string>()
  let running = ''
  let pending = 0
  let heardAt = Infinity
  const save = (): void => {
    const record: TestRecord = { passed, failed, skipped, files: [...files] }
    const target = process.env['TIDEMILL_TEST_RECORD']
    if (target !== undefined) writeFileSync(target, JSON.stringify(record))
  }
  // A timer and not an event: a test that takes minutes, or for ever, reports nothing meanwhile.
  const progress = setInterval(() => {
    if (pending === 0 && performance.now() - heardAt > lingerMs) {
      // In one process, node:test waits for ever for what a test left open.
      console.error(`  ✖ open after the last test: ${process.getActiveResourcesInfo().join(', ')}`)
      save()
      process.exit(1)
    }
    console.error(`  ... ${passed} passed, ${failed} failed so far; last begun: ${running}`)
  }, progressMs).unref()

  for await (const event of events) {
    heardAt = performance.now()
    if (event.type === 'test:dequeue') pending++
    if (event.type === 'test:complete') pending--
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const { data } = event
      const file = location(data.file)
      // A file without a test is reported as a test named like the file.
      const isFile = data.file !== undefined && path.resolve(data.name) === data.file
      if (!isFile) files.add(file)
      if (data.skip !== undefined || data.todo !== undefined) {
        const mark = data.skip ?? data.todo
        const reason = typeof mark === 'string' && mark !== '' ? mark : 'no reason given'
        skipped.push({ file, name: data.name, reason })
      } else if (event.type === 'test:fail') {
        // A suite fails because of its tests; those are counted and printed already.
        const error = event.data.details.error
        const byChildren = 'failureType' in error && error.failureType === 'subtestsFailed'
        if (!byChildren) {
          failed++
          yield `  ✖ ${data.name}\n    ${location(data.file, data.line)}\n${failure(error)}\n`
        }
      } else if (data.details.type !== 'suite' && !isFile) {
        passed++
      }
    } else if (event.type === 'test:dequeue') {
      const name = path.isAbsolute(event.data.name) ? '' : ` ${event.data.name}`
      running = `${location(event.data.file)}${name}`
    } else if (event.type === 'test:stderr' || event.type === 'test:stdout') {
      yield event.data.message
    } else if (event.type === 'test:summary' && event.data.file !== undefined) {
      const { counts, duration_ms: ms, file, success } = event.data
      yield `  ${success ? '✔' : '✖'} ${location(file)} ${counts.tests} tests ${(ms / 1000).toFixed(1)} s\n`
    }
  }
  clearInterval(progress)
  save()
}

// oxlint-disable-next-line import/no-default-export -- node:test takes a reporter from the default export
export { report as default }
