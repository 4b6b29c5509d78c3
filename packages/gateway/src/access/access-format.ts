import { type Operator, operators, fieldOf, type TextOf } from './access-operator.ts'
import { Piece } from './access-piece.ts'
import type { AccessRecord } from './access-record.ts'
import { LineWriter } from './line-writer.ts'
import { redacted, redactQuery, redactUrl, urlHeaders } from './redaction.ts'

/** How values are kept out of the log. */
export interface AccessPrivacy {
  /** Names of fields in lower case whose values are not written. */
  readonly headers: ReadonlySet<string>
  /** `omit` leaves queries out; `redact` hides the values of parameters that look like secrets. */
  readonly query: 'omit' | 'redact'
  /** Names of parameters in lower case that are hidden besides. */
  readonly parameters: ReadonlySet<string>
}

/** A value of a template and the text before it. */
interface Value {
  readonly before: string
  readonly operator: Operator
  /** Most characters of a text. */
  readonly most: number
}

interface Template {
  readonly values: readonly Value[]
  /** The text behind the last value. */
  readonly after: string
}

/** Envoy's default format. */
export const envoyTemplate: string =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'

/** The fields of a line in JSON and what stands in them. */
export const jsonFields: readonly (readonly [string, string])[] = [
  ['time', '%START_TIME%'],
  ['request_id', '%REQUEST_ID%'],
  ['client', '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'],
  ['method', '%METHOD%'],
  ['scheme', '%SCHEME%'],
  ['authority', '%AUTHORITY%'],
  ['path', '%PATH%'],
  ['protocol', '%PROTOCOL%'],
  ['status', '%RESPONSE_CODE%'],
  ['flag', '%RESPONSE_FLAGS%'],
  ['code', '%RESPONSE_CODE_DETAILS%'],
  ['route', '%ROUTE_NAME%'],
  ['rule', '%RULE%'],
  ['upstream', '%UPSTREAM_CLUSTER%'],
  ['host', '%UPSTREAM_HOST%'],
  ['attempts', '%UPSTREAM_REQUEST_ATTEMPT_COUNT%'],
  ['bytes_in', '%BYTES_RECEIVED%'],
  ['bytes_out', '%BYTES_SENT%'],
  ['queue_ms', '%QUEUE_DURATION%'],
  ['connect_ms', '%CONNECT_DURATION%'],
  ['ttfb_ms', '%RESPONSE_DURATION%'],
  ['total_ms', '%DURATION%'],
  ['revision', '%CONFIG_REVISION%'],
  ['consumer', '%CONSUMER%'],
  ['user_agent', '%REQ(USER-AGENT)%'],
]

const longestValue = 1024

/** Turns records into lines. */
export class AccessFormat {
  readonly #pieces: readonly Piece[]
  readonly #after: Uint8Array
  /** Most bytes of a line. */
  readonly worst: number

  private constructor(pieces: readonly Piece[], after: string) {
    this.#pieces = pieces
    this.#after = Buffer.from(`${after}\n`, 'latin1')
    this.worst = pieces.reduce((sum, piece) => sum + piece.worst, this.#after.length)
  }

  /** One JSON object a line: each field is a text, a number or null. */
  static json(
    fields: readonly (readonly [string, string])[],
    privacy: AccessPrivacy,
  ): AccessFormat {
    const pieces = fields.map(([name, template], i) => {
      const before = escaped(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`)
      const compiled = compileTemplate(template, privacy)
      const single = compiled.values[0]
      if (
        single !== undefined &&
        compiled.values.length === 1 &&
        single.before + compiled.after === ''
      ) {
        return new Piece(true, before, single.operator, single.most)
      }
      // A text with several operators is made as a whole, so that it is quoted as a whole.
      const operator = { kind: 'text', read: composite(compiled), repeats: false } as const
      return new Piece(true, before, operator, 4 * longestValue)
    })
    return new AccessFormat(pieces, '}')
  }

  static text(template: string, privacy: AccessPrivacy): AccessFormat {
    const { values, after } = compileTemplate(template, privacy)
    return new AccessFormat(textPieces(values), after)
  }

  /** Writes the record and a line feed; the buffer must have room for `worst` bytes. */
  write(writer: LineWriter, record: AccessRecord): void {
    const pieces = this.#pieces
    for (let i = 0; i < pieces.length; i++) (pieces[i] as Piece).write(writer, record)
    writer.bytes(this.#after)
  }
}

function textPieces(values: readonly Value[]): Piece[] {
  return values.map(({ before, operator, most }) => new Piece(false, before, operator, most))
}

const escaped = (text: string): string =>
  text.replaceAll(/[^\u0020-\u007e]/gu, (character) =>
    character.length === 1
      ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
      : escaped(character.charAt(0)) + escaped(character.charAt(1)),
  )

function composite(template: Template): TextOf {
  const pieces = textPieces(template.values)
  const buffer = Buffer.alloc(pieces.reduce((sum, piece) => sum + piece.worst, 0))
  const writer = new LineWriter()
  return (record) => {
    writer.begin(buffer, 0)
    for (const piece of pieces) piece.write(writer, record)
    return buffer.toString('latin1', 0, writer.at) + template.after
  }
}

/** `%NAME%`, `%NAME(ARGUMENT)%`, `%NAME(ARGUMENT):LENGTH%`; `%%` is a percent sign. */
const command = /%(?:([A-Z_]+)(?:\(([^)%]*)\))?(?::(\d{1,4}))?)?%/gu

/** What is wrong with a template; empty when it can be used. */
export function templateProblem(template: string): string {
  if (template === '' || template.length > 4096) return 'a text of 1 to 4096 characters'
  if (!/^[\u0020-\u007e]+$/u.test(template)) return 'printable ASCII on one line'
  const rest = template.replaceAll(command, (whole, name?: string, argument?: string) => {
    if (name === undefined) return ''
    const takes = name === 'REQ' || name === 'RESP'
    if (takes) return /^:?[\w-]+(?:\?:?[\w-]+)?$/u.test(argument ?? '') ? '' : whole
    return operators.has(name) && argument === undefined ? '' : whole
  })
  const wrong = /%[A-Z_]*(?:\([^)%]*\))?[^%]*%?/u.exec(rest)
  if (wrong === null) return ''
  return `made of known operators, which ${wrong[0].slice(0, 64)} is not: REQ(NAME), RESP(NAME), ${[...operators.keys()].join(', ')}`
}

function compileTemplate(template: string, privacy: AccessPrivacy): Template {
  const values: Value[] = []
  let before = ''
  let end = 0
  for (const match of template.matchAll(command)) {
    const [whole, name, argument, length] = match
    before += template.slice(end, match.index)
    end = match.index + whole.length
    if (name === undefined) {
      before += '%'
      continue
    }
    const operator =
      argument === undefined ? operators.get(name) : fieldOperator(name, argument, privacy)
    if (operator === undefined) continue
    const most = Math.min(Number(length ?? longestValue), longestValue)
    values.push({ before, operator, most })
    before = ''
  }
  return { values, after: before + template.slice(end) }
}

/** Fields that differ from request to request. */
const uniqueFields: ReadonlySet<string> = new Set([
  ':path',
  'x-request-id',
  'traceparent',
  'referer',
])

function fieldOperator(from: string, argument: string, privacy: AccessPrivacy): Operator {
  const names = argument.toLowerCase().split('?')
  const repeats = !names.some((name) => uniqueFields.has(name))
  return { kind: 'text', read: fieldReader(from, argument, privacy), repeats }
}

/** `NAME` or `NAME?OTHER`: the other where the first is absent. */
function fieldReader(from: string, argument: string, privacy: AccessPrivacy): TextOf {
  const [first = '', second] = argument.toLowerCase().split('?')
  const read = oneField(from, first, privacy)
  if (second === undefined) return read
  const other = oneField(from, second, privacy)
  return (record) => {
    const text = read(record)
    return text === '' ? other(record) : text
  }
}

function oneField(from: string, name: string, privacy: AccessPrivacy): TextOf {
  if (from === 'REQ') {
    if (name === ':path') return (record) => fullPath(record, privacy)
    const known = pseudoFields.get(name)
    if (known !== undefined) return known
  }
  const lookUp: TextOf =
    from === 'REQ'
      ? (record) => fieldOf(record.headers, name)
      : (record) => fieldOf(record.responseHeaders, name)
  if (privacy.headers.has(name)) return (record) => (lookUp(record) === '' ? '' : redacted)
  return urlHeaders.includes(name) ? (record) => redactUrl(lookUp(record)) : lookUp
}

const pseudoFields: ReadonlyMap<string, TextOf> = new Map<string, TextOf>([
  [':method', (record) => record.method],
  [':scheme', (record) => record.scheme],
  [':authority', (record) => record.authority],
  ['host', (record) => record.authority],
  // Also of a request that came without one.
  ['x-request-id', (record) => record.requestId],
])

function fullPath(record: AccessRecord, privacy: AccessPrivacy): string {
  if (privacy.query === 'omit' || record.query === '') return record.path
  return `${record.path}?${redactQuery(record.query, privacy.parameters)}`
}
