/** A second reader of HTTP/1.1 requests, written against RFC 9112 alone: refuses everything that is not beyond doubt. */

export interface StrictRequest {
  readonly method: string
  readonly target: string
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[]
  /** Of an incomplete request: what is there. */
  readonly body: Buffer
  readonly complete: boolean
  /** Where the next request begins. */
  readonly end: number
}

/** Bytes that no client of an upstream may send. */
export class StrictError extends Error {}

const requestLine =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ((?:\/|\*$)?[!$%&'()*+,\-./0-9:;=?@A-Z_a-z[\]^`{|}~\x80-\xff]*) HTTP\/1\.1$/u
const field =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[ \t]*$/u

/** The request at `from`; undefined until its head is whole. */
export function readStrict(bytes: Buffer, from: number): StrictRequest | undefined {
  const at = bytes.indexOf('\r\n\r\n', from)
  if (at < 0) return undefined
  const [first = '', ...lines] = latin1(bytes, from, at).split('\r\n')
  const [, method = '', target = ''] = requestLine.exec(first) ?? fail('request line', first)
  const headers = lines.map(readField)
  const all = (name: string): string[] => headers.filter(([one]) => one === name).map(([, v]) => v)
  if (all('host').length !== 1) fail('Host', all('host').join())
  const lengths = all('content-length')
  const codings = all('transfer-encoding')
  if (lengths.length + codings.length > 1)
    fail('two framings', `${lengths.join()} ${codings.join()}`)
  const start = at + 4
  const head = { method, target, headers }
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') fail('Transfer-Encoding', codings.join())
    return { ...head, ...readChunks(bytes, start) }
  }
  if (lengths.length === 1 && !/^(?:0|[1-9]\d{0,14})$/u.test(lengths[0] ?? '')) {
    fail('Content-Length', lengths.join())
  }
  const end = start + Number(lengths[0] ?? 0)
  const complete = bytes.length >= end
  return { ...head, body: bytes.subarray(start, end), complete, end }
}

function latin1(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, to)
}

function readField(line: string): [string, string] {
  const [, name = '', value = ''] = field.exec(line) ?? fail('field', line)
  return [name.toLowerCase(), value]
}

function readChunks(bytes: Buffer, from: number): Pick<StrictRequest, 'body' | 'complete' | 'end'> {
  const parts: Buffer[] = []
  const soFar = (complete: boolean, end: number) => ({ body: Buffer.concat(parts), complete, end })
  let at = from
  for (;;) {
    const eol = bytes.indexOf('\r\n', at)
    if (eol < 0) return soFar(false, bytes.length)
    const text = latin1(bytes, at, eol)
    if (!/^[0-9A-Fa-f]{1,12}$/u.test(text)) fail('chunk size', text)
    const size = Number.parseInt(text, 16)
    at = eol + 2
    if (size === 0) break
    parts.push(bytes.subarray(at, at + size))
    if (bytes.length < at + size + 2) return soFar(false, bytes.length)
    if (latin1(bytes, at + size, at + size + 2) !== '\r\n') fail('end of a chunk', text)
    at += size + 2
  }
  for (;;) {
    const eol = bytes.indexOf('\r\n', at)
    if (eol < 0) return soFar(false, bytes.length)
    const line = latin1(bytes, at, eol)
    at = eol + 2
    if (line === '') return soFar(true, at)
    const [name] = readField(line)
    if (/^(?:host|content-length|transfer-encoding)$/u.test(name)) fail('trailer', line)
  }
}

function fail(what: string, text: string): never {
  throw new StrictError(`${what}: ${JSON.stringify(text)}`)
}
