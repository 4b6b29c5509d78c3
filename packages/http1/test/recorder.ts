import {
  type HeaderList,
  type RequestHandler,
  type RequestHead,
  RequestParser,
  RequestRules,
  type RequestParserOptions,
  type ResponseHandler,
  type ResponseHead,
  ResponseParser,
  type ResponseParserOptions,
  ResponseRules,
  type Verdict,
} from '@tidemill/http1'

export type Event =
  | { readonly head: RequestHead | ResponseHead }
  | { readonly refused: Verdict }
  | { readonly informational: number }
  | { readonly body: string }
  | { readonly end: HeaderList }
  | { readonly verdict: Verdict }

/** Keeps what a parser tells, body parts joined, so that runs over different splits can be compared. */
export class Recorder implements RequestHandler, ResponseHandler {
  readonly events: Event[] = []
  #body: Buffer[] = []

  onHead(head: RequestHead | ResponseHead): void {
    this.events.push({ head })
  }
  onRefused(_head: RequestHead, verdict: Verdict): void {
    this.events.push({ refused: verdict })
  }
  onInformational(head: ResponseHead): void {
    this.events.push({ informational: head.status })
  }
  onBody(chunk: Buffer): void {
    // The view is valid during the call only.
    this.#body.push(Buffer.from(chunk))
  }
  onEnd(trailers: HeaderList): void {
    this.#flush()
    this.events.push({ end: trailers })
  }
  onVerdict(verdict: Verdict): void {
    this.#flush()
    this.events.push({ verdict })
  }

  get verdict(): Verdict | undefined {
    for (const event of this.events) {
      if ('verdict' in event) return event.verdict
      if ('refused' in event) return event.refused
    }
    return undefined
  }

  get heads(): number {
    return this.events.filter((event) => 'head' in event).length
  }

  #flush(): void {
    if (this.#body.length > 0)
      this.events.push({ body: Buffer.concat(this.#body).toString('latin1') })
    this.#body = []
  }
}

interface Parser {
  feed(chunk: Buffer): number
  ended(): Verdict | undefined
}

/** Feeds the parts, each a copy that is overwritten afterwards: nothing may be kept of it. */
function feedAll(parser: Parser, parts: readonly Buffer[]): void {
  for (const part of parts) {
    const own = Buffer.from(part)
    parser.feed(own)
    own.fill(0x21)
  }
  parser.ended()
}

export type Parse = (parts: readonly Buffer[]) => Recorder

export function requestParse(options: RequestParserOptions = {}): Parse {
  const rules = new RequestRules(options)
  return (parts) => {
    const recorder = new Recorder()
    feedAll(new RequestParser(recorder, rules), parts)
    return recorder
  }
}

/** `methods` are the requests answered, in order. */
export function responseParse(
  options: ResponseParserOptions = {},
  methods: readonly string[] = ['GET'],
  upgrade: boolean = false,
): Parse {
  const rules = new ResponseRules(options)
  return (parts) => {
    const left = [...methods]
    const recorder = new Recorder()
    const parser: ResponseParser = new ResponseParser(recorder, rules)
    const begin = (): void => {
      const method = left.shift()
      if (method !== undefined) parser.begin(method, upgrade)
    }
    const onEnd = recorder.onEnd.bind(recorder)
    recorder.onEnd = (trailers) => {
      onEnd(trailers)
      begin()
    }
    begin()
    feedAll(parser, parts)
    return recorder
  }
}

/** Every way to cut the bytes in two, and one byte at a time. */
export function* splits(bytes: Buffer): Generator<readonly Buffer[]> {
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
  yield Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}

export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
