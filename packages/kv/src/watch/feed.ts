import type { TidemillError } from '@tidemill/core'
import type { ByteRange } from '../bytes.ts'
import type { Event } from '../kv.ts'

export interface FeedOptions {
  /** First revision to send; 0 is "what comes after now". */
  readonly from: number
  readonly prevKv: boolean
}

/** Where a feed puts what it reads. None of these is called after {@link Feed.close}. */
export interface FeedSink {
  /** The feed is in place; `head` is the store's revision. Called once, first. */
  opened(head: number): void
  /**
   * Events of whole revisions, rising; all events up to `upTo` have now been sent. Answer false to stop the feed until
   * {@link Feed.more}; it then goes on after `upTo`, reading again what it did not send.
   */
  events(events: readonly Event[], upTo: number, cause: 'replay' | 'live'): boolean
  /** The revisions to send next are gone; the feed is closed. */
  compacted(error: TidemillError): void
  /** The feed cannot go on; it is closed. */
  failed(error: TidemillError): void
}

export interface Feed {
  /** Newest revision of the store that the feed has heard of. */
  readonly head: number
  /** Every event up to here has been sent. */
  readonly position: number
  /** Goes on after {@link FeedSink.events} answered false. */
  more(): void
  close(): void
}

/** What an engine gives to the watch: the log's events of a range, each once, in order, without a gap. */
export type OpenFeed = (range: ByteRange, options: FeedOptions, sink: FeedSink) => Feed
