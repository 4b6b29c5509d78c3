/** One record of a CSV text (RFC 4180), with where it began. */
export interface CsvRecord {
  /** Line of its first character, counted from 1. */
  readonly line: number
  /** The record as it stood, without its line end. */
  readonly raw: string
  readonly fields: readonly string[]
  /** Set when the record breaks the grammar; then `fields` is empty. */
  readonly fault?: CsvFault
}

export interface CsvFault {
  /** Character of the record at which it went wrong, counted from 1. */
  readonly column: number
  readonly message: string
}

/** The longest record in characters; beyond it a quote was surely left open. */
export const longestRecord = 65_536

/** Cuts a stream of text into records, with a bounded buffer. */
export interface CsvParser {
  /** The records that this piece completes. */
  push(text: string): CsvRecord[]
  /** The last record, when the text does not end with a line end. */
  end(): CsvRecord[]
}

/**
 * A strict parser: fields may be quoted, quotes in quoted fields are doubled, lines end with LF or CRLF, blank lines
 * and a byte order mark are passed over. A faulty record is reported and parsing goes on at the next line.
 */
export function createCsvParser(): CsvParser {
  let rest = ''
  let line = 1
  let started = false

  const drain = (final: boolean): CsvRecord[] => {
    const records: CsvRecord[] = []
    let at = 0
    while (at < rest.length) {
      const step = readRecord(rest, at, final)
      if (step === undefined) break
      if (step.record !== undefined) records.push({ line, ...step.record })
      line += step.lines
      at = step.next
    }
    rest = rest.slice(at)
    return records
  }

  return {
    push(text) {
      rest += started ? text : text.replace(/^\uFEFF/u, '')
      started = true
      return drain(false)
    },
    end: () => drain(true),
  }
}

interface Step {
  /** Absent for a blank line. */
  readonly record?: Omit<CsvRecord, 'line'>
  /** Where the next record begins. */
  readonly next: number
  /** Line ends that were passed. */
  readonly lines: number
}

/** Undefined when the text ends before the record does. */
function readRecord(text: string, from: number, final: boolean): Step | undefined {
  const end = text.indexOf('\n', from)
  const lineEnd = end < 0 ? text.length : end
  if (end < 0 && !final) {
    return lineEnd - from > longestRecord ? tooLong(text, from, lineEnd) : undefined
  }
  const raw = text.slice(from, text[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd)
  const next = lineEnd + 1
  if (raw === '') return { next, lines: 1 }
  if (!raw.includes('"')) return { record: { raw, fields: raw.split(',') }, next, lines: 1 }
  return readQuoted(text, from, final)
}

function tooLong(text: string, from: number, lineEnd: number): Step {
  const message = `the record is longer than ${longestRecord} characters`
  const raw = text.slice(from, from + 200)
  const record = { raw, fields: [], fault: { column: longestRecord, message } }
  return { record, next: lineEnd + 1, lines: 1 }
}

/** The slow path: a record with quotes, which may hold commas and line ends. */
function readQuoted(text: string, from: number, final: boolean): Step | undefined {
  const fields: string[] = []
  let at = from
  for (;;) {
    const quoted = text[at] === '"'
    const stop = quoted ? closingQuote(text, at) : fieldEnd(text, at)
    if (stop === undefined) {
      if (text.length - from > longestRecord) return fault(text, from, at, 'a quote is not closed')
      return final ? fault(text, from, at, 'a quote is not closed') : undefined
    }
    const after = quoted ? stop + 1 : stop
    if (quoted) {
      fields.push(text.slice(at + 1, stop).replaceAll('""', '"'))
    } else {
      const field = text.slice(at, stop)
      const quote = field.indexOf('"')
      if (quote >= 0) return fault(text, from, at + quote, 'a quote inside an unquoted field')
      fields.push(field)
    }
    if (after >= text.length && !final) return undefined
    if (text[after] === ',') {
      at = after + 1
      continue
    }
    const carriage = text[after] === '\r' ? 1 : 0
    if (after + carriage >= text.length || text[after + carriage] === '\n') {
      if (after + carriage >= text.length && !final) return undefined
      const raw = text.slice(from, after)
      return { record: { raw, fields }, next: after + carriage + 1, lines: countLines(raw) + 1 }
    }
    return fault(text, from, after, 'something follows a closing quote')
  }
}

function closingQuote(text: string, open: number): number | undefined {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at
  }
  return undefined
}

/** Where an unquoted field ends: at a comma or at the end of its line. */
function fieldEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === 0x2c || c === 0x0a) return at
    if (c === 0x0d && text.charCodeAt(at + 1) === 0x0a) return at
  }
  return text.length
}

function fault(text: string, from: number, at: number, message: string): Step {
  const end = text.indexOf('\n', from)
  const lineEnd = end < 0 ? text.length : end
  const raw = text.slice(from, Math.min(lineEnd, from + 200))
  return {
    record: { raw, fields: [], fault: { column: at - from + 1, message } },
    next: lineEnd + 1,
    lines: 1,
  }
}

function countLines(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** The column, counted from 1, at which field `index` of a record begins. */
export function columnOfField(record: CsvRecord, index: number): number {
  let column = 1
  let field = 0
  let quoted = false
  for (const char of record.raw) {
    if (field === index) return column
    if (char === '"') quoted = !quoted
    else if (char === ',' && !quoted) field++
    column++
  }
  return column
}
