import {
  createHttp2Connection,
  type HeaderList,
  type Http2Connection,
  type Http2Options,
} from '@tidemill/http2'
import {
  describe,
  type Frame,
  frame,
  frames,
  HeaderWriter,
  readFrames,
  settings,
} from './frames.ts'
import { takeAll } from './pair.ts'
import { ConnectionRecorder } from './recorder.ts'

/** A connection and, by hand, its peer: frames go in as bytes and come out as a list. */
export class RawPeer {
  readonly connection: Http2Connection
  readonly side: ConnectionRecorder = new ConnectionRecorder()
  readonly writer: HeaderWriter = new HeaderWriter()

  constructor(role: 'client' | 'server', options: Http2Options = {}) {
    this.connection = createHttp2Connection(role, this.side, { autoTune: false, ...options })
  }

  /** Past the greetings of both sides. */
  greet(...pairs: number[]): this {
    if (this.connection.role === 'server') this.connection.feed(frames.clientPreface)
    this.connection.feed(settings(...pairs))
    this.connection.feed(frame(frames.SETTINGS, frames.ACK, 0))
    this.take()
    return this
  }

  feed(...bytes: Buffer[]): this {
    for (const part of bytes) this.connection.feed(part)
    return this
  }

  /** A request of this peer to a server under test. */
  request(id: number, list: HeaderList, end = false): this {
    return this.feed(this.writer.headers(id, list, end))
  }

  take(): Frame[] {
    return readFrames(takeAll(this.connection))
  }

  /** What has been written since, without window updates. */
  said(): string[] {
    return describe(this.take().filter(({ type }) => type !== frames.WINDOW_UPDATE))
  }
}
