import type { TidemillError } from '@tidemill/core'
import { type ByteRange, bytesId, inRange } from '../bytes.ts'
import type { Event } from '../kv.ts'
import type { Feed, FeedOptions, FeedSink } from '../watch/feed.ts'
import type { Command, HistoryPage } from './protocol.ts'
import type { Settle } from './queue.ts'
import { rangeId } from './watched.ts'

/** Hands the committed events to the feeds; feeds of one range share one subscription in the worker. */
export interface Hub {
  readonly size: number
  open(range: ByteRange, options: FeedOptions, sink: FeedSink): Feed
  publish(events: readonly Event[], revision: number): void
  fail(error: TidemillError): void
}

/** See Queue.enqueue. */
type Submit = (command: Command, settle: Settle) => void

interface Group {
  readonly range: ByteRange
  readonly feeds: Set<LocalFeed>
}

interface LocalFeed {
  /** Live: gets events as they are committed. Otherwise it reads pages of the log, or waits to be asked for more. */
  live: boolean
  /** Everything up to here has been sent. */
  sent: number
  closed: boolean
  readonly sink: FeedSink
  readonly prevKv: boolean
}

const ignore: Settle = () => undefined

export function createHub(submit: Submit): Hub {
  const keys = new Map<string, Group>()
  const spans = new Map<string, Group>()
  const feeds = new Set<LocalFeed>()
  /** Newest revision that has been published. */
  let published = 0

  const leave = (group: Group, feed: LocalFeed): void => {
    if (feed.closed) return
    feed.closed = true
    feeds.delete(feed)
    group.feeds.delete(feed)
    if (group.feeds.size === 0) mapOf(group.range).delete(rangeId(group.range))
    try {
      submit({ kind: 'unwatch', range: group.range, prevKv: feed.prevKv }, ignore)
    } catch {
      // The store is closed, and with it everything it watched.
    }
  }
  const mapOf = (range: ByteRange): Map<string, Group> => (range.end === undefined ? keys : spans)

  const join = (range: ByteRange, feed: LocalFeed): Group => {
    const map = mapOf(range)
    const id = rangeId(range)
    let group = map.get(id)
    if (group === undefined) map.set(id, (group = { range, feeds: new Set() }))
    group.feeds.add(feed)
    feeds.add(feed)
    return group
  }

  const end = (group: Group, feed: LocalFeed, error: TidemillError): void => {
    if (feed.closed) return
    leave(group, feed)
    if (error.code === 'TM_KV_COMPACTED') feed.sink.compacted(error)
    else feed.sink.failed(error)
  }

  const readOn = (group: Group, feed: LocalFeed): void => {
    const { range } = group
    const { prevKv } = feed
    const settle: Settle = (value, error) => {
      if (feed.closed) return
      if (error !== undefined) return end(group, feed, error)
      const page = value as HistoryPage
      feed.sent = Math.max(feed.sent, page.upTo)
      // Commands and commits come back in the order in which they happened: what is committed after this page was read
      // is published later, so a page that reaches the head joins the live events without a gap.
      feed.live = page.upTo >= page.head
      const wantsMore = feed.sink.events(page.events, feed.sent, 'replay')
      if (feed.closed) return
      if (!wantsMore) feed.live = false
      else if (!feed.live) readOn(group, feed)
    }
    try {
      submit({ kind: 'history', range, from: feed.sent + 1, prevKv }, settle)
    } catch (error) {
      end(group, feed, error as TidemillError)
    }
  }

  const publishTo = (group: Group, events: readonly Event[], revision: number): void => {
    for (const feed of group.feeds) {
      if (!feed.live || revision <= feed.sent) continue
      const fresh = events.filter((event) => event.kv.modRevision > feed.sent)
      feed.sent = revision
      if (!feed.sink.events(fresh, revision, 'live')) feed.live = false
    }
  }

  return {
    get size() {
      return feeds.size
    },
    open(range, { from, prevKv }, sink) {
      const feed: LocalFeed = { live: false, sent: 0, closed: false, sink, prevKv }
      const opened: Settle = (value, error) => {
        if (feed.closed) return
        if (error !== undefined) return end(group, feed, error)
        const head = value as number
        published = Math.max(published, head)
        sink.opened(head)
        if (feed.closed) return
        feed.sent = from === 0 ? head : from - 1
        if (feed.sent >= head) feed.live = true
        else readOn(group, feed)
      }
      submit({ kind: 'watch', range, prevKv }, opened)
      // Only now: a closed store throws, and then there is nothing to leave again.
      const group = join(range, feed)
      return {
        more() {
          if (!feed.closed && !feed.live) readOn(group, feed)
        },
        close: () => leave(group, feed),
        get head() {
          return published
        },
        get position() {
          return feed.live ? Math.max(feed.sent, published) : feed.sent
        },
      }
    },
    publish(events, revision) {
      published = Math.max(published, revision)
      if (events.length === 0) return
      const byKey = new Map<string, Event[]>()
      if (keys.size > 0) {
        for (const event of events) {
          const id = bytesId(event.kv.key)
          const list = byKey.get(id)
          if (list === undefined) byKey.set(id, [event])
          else list.push(event)
        }
        for (const list of byKey.values()) {
          const key = list[0]?.kv.key
          const group = key === undefined ? undefined : keys.get(rangeId({ key }))
          if (group !== undefined) publishTo(group, list, revision)
        }
      }
      for (const group of spans.values()) {
        const list = events.filter((event) => inRange(group.range, event.kv.key))
        if (list.length > 0) publishTo(group, list, revision)
      }
    },
    fail(error) {
      for (const feed of feeds) {
        feed.closed = true
        feed.sink.failed(error)
      }
      feeds.clear()
      keys.clear()
      spans.clear()
    },
  }
}
