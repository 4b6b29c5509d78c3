import { status, statusFromHttp, statusFromReset } from '../status.ts'
import type { HeaderList, StreamEnd } from '../transport/transport.ts'

/** How a call ended, read from its header lists without building metadata; one object per worker, reused. */
export class CallStatus {
  code: number = -1
  message: string = ''
  #http: number = 0

  reset(): void {
    this.code = -1
    this.message = ''
    this.#http = 0
  }

  /** Reads response headers or trailers. */
  read(list: HeaderList): void {
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string
      if (name === 'grpc-status') this.code = codeOf(list[i + 1] as string)
      else if (name === 'grpc-message') this.message = decodeMessage(list[i + 1] as string)
      else if (name === ':status') this.#http = Number(list[i + 1])
    }
  }

  /** What the end of the stream stands for when the peer gave no status. */
  settle(code: number, how: StreamEnd): void {
    if (how === 'done') {
      if (this.code >= 0) return
      this.code = this.#http === 200 ? status.UNKNOWN : statusFromHttp(this.#http)
      this.message =
        this.#http === 200
          ? 'the response has no grpc-status'
          : `unexpected HTTP status code received from server: ${this.#http}`
      return
    }
    if (how === 'remote') {
      // A status that came before the reset stands: a server may answer early and cancel the rest of the request.
      if (this.code >= 0) return
      this.code = statusFromReset(code)
      this.message = `stream terminated by RST_STREAM with error code ${code}`
      return
    }
    this.code = how === 'local' ? status.CANCELLED : status.UNAVAILABLE
    this.message = how === 'local' ? 'context canceled' : 'transport is closing'
  }
}

function codeOf(text: string): number {
  if (text === '0') return 0
  return /^\d{1,2}$/u.test(text) ? Number(text) : status.UNKNOWN
}

/** Percent-decoding that takes what is not valid as it is: a message is for people. */
function decodeMessage(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
