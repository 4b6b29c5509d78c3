import type { FlowStats } from './flow/flow-stats.ts'

/** Figures of one connection; counts are since it began, times in milliseconds. */
export interface Http2Stats extends FlowStats {
  /** Open now, and opened so far, of both sides. */
  readonly streams: number
  readonly streamsOpened: number
  /** All bytes given to `feed`. */
  readonly bytesReceived: number
  /** Bytes of DATA without padding. */
  readonly dataReceived: number
  readonly dataSent: number
  /** What the peer lets a new stream send, and the connection now. */
  readonly peerStreamWindow: number
  readonly peerConnectionWindow: number
  /** What the limits of `Http2Limits` count. */
  readonly limits: {
    readonly resets: number
    readonly refusals: number
    readonly pings: number
    readonly settings: number
    readonly priorities: number
    readonly windowUpdates: number
    readonly emptyData: number
    readonly largeHeaderLists: number
    readonly lateFrames: number
    readonly continuationFloods: number
    readonly unreadAnswers: number
  }
}
