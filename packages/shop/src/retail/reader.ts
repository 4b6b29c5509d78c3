import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Problem } from '@tidemill/core'
import { shopErrors } from '../errors.ts'
import { createCsvParser } from './csv.ts'
import { createReplayPlanner, type ReplayItem, type ReplayTally } from './plan.ts'
import { createTextPool, parseRetailRow, retailHeader, type RowResult } from './row.ts'

/** Everything to send for a file, and the account of what was left out. */
export interface ReplayPlan {
  readonly items: readonly ReplayItem[]
  readonly tally: ReplayTally
  /** The malformed rows that were skipped; the first 100. */
  readonly malformed: readonly Problem[]
}

export interface ReadRetailOptions {
  /** What a malformed row does: `stop` (default) refuses the file before any order is placed, `skip` counts it. */
  readonly malformed?: 'stop' | 'skip'
}

/** How many malformed rows are named; all are counted. */
const namedProblems = 100

/**
 * Reads an Online Retail file, `.csv` or `.csv.gz`. TM_SHOP_FILE_UNREADABLE when it cannot be read,
 * TM_SHOP_CSV_INVALID with line and column of each when rows are malformed.
 */
export async function readRetailFile(
  file: string,
  options: ReadRetailOptions = {},
): Promise<ReplayPlan> {
  const planner = createReplayPlanner()
  const items: ReplayItem[] = []
  const malformed: Problem[] = []
  let count = 0
  for await (const results of retailRows(file)) {
    for (const result of results) {
      if ('row' in result) {
        items.push(...planner.push(result.row))
        continue
      }
      count++
      planner.malformed()
      if (malformed.length < namedProblems) malformed.push(result.problem)
    }
  }
  const first = malformed[0]
  if (first !== undefined && options.malformed !== 'skip') throw csvInvalid(file, count, malformed)
  items.push(...planner.end())
  return { items, tally: planner.tally(), malformed }
}

function csvInvalid(file: string, count: number, problems: readonly Problem[]): Error {
  const { line = 1, column = 1 } = problems[0] ?? {}
  return shopErrors.error('TM_SHOP_CSV_INVALID', { file, count, line, column, problems })
}

/** The rows of a file in batches, as they are read. */
export async function* retailRows(file: string): AsyncGenerator<readonly RowResult[]> {
  const parser = createCsvParser()
  const keep = createTextPool()
  let header = false
  const read = (records: ReturnType<typeof parser.push>): RowResult[] => {
    const first = records[0]
    if (header || first === undefined) return records.map((record) => parseRetailRow(record, keep))
    header = true
    if (first.fields.join(',') !== retailHeader.join(',')) throw noHeader(file, first.raw)
    return records.slice(1).map((record) => parseRetailRow(record, keep))
  }
  for await (const text of fileText(file)) yield read(parser.push(text))
  yield read(parser.end())
  if (!header) throw noHeader(file, '')
}

function noHeader(file: string, received: string): Error {
  const expected = retailHeader.join(',')
  const problem: Problem = {
    path: '',
    message: 'the first line is not the header',
    received: received.slice(0, 120),
    expected,
    line: 1,
    column: 1,
  }
  return csvInvalid(file, 1, [problem])
}

async function* fileText(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const source = createReadStream(file, { highWaterMark: 1 << 18 })
  const bytes: AsyncIterable<Uint8Array> = file.endsWith('.gz')
    ? pipeline(source, createGunzip({ chunkSize: 1 << 18 }), () => undefined)
    : source
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true })
    yield decoder.decode()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw shopErrors.error('TM_SHOP_FILE_UNREADABLE', { file, reason }, { cause })
  } finally {
    source.destroy()
  }
}
