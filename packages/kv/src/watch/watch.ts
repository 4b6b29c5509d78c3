import {
  backoffDelay,
  type Clock,
  type Logger,
  type Problem,
  type Random,
  type TidemillError,
  type Timer,
} from '@tidemill/core'
import { type ByteRange, byteRange, bytesId } from '../bytes.ts'
import { kvError, notCount, refuse } from '../check.ts'
import type { Batch, Event, KeyRange, Kv, Watch, WatchOptions } from '../kv.ts'
import { tombstone } from '../tombstone.ts'
import type { Feed, OpenFeed } from './feed.ts'
import { createHandoff, type Handoff } from './handoff.ts'
import { createCoalescer, createEventQueue, type Pending } from './pending.ts'
import { readSnapshot, type Snapshot } from './resync.ts'
import { formatToken, parseToken } from './token.ts'

/** What a watch stands on; every engine gives the same. */
export interface WatchSource {
  readonly openFeed: OpenFeed
  readonly range: Kv['range']
  readonly storeId: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Called once when the watch is over. */
  readonly onClosed: (watch: Watch) => void
}

const defaultQueueBytes = 64 * 1024 * 1024
const redelivery = { base: 50, cap: 5000 }

/** Starts a watch at once; throws TM_KV_ARGUMENT for options that make no sense. */
export function openWatch(
  source: WatchSource,
  range: KeyRange,
  options: WatchOptions = {},
): RunningWatch {
  checkOptions(options)
  const bytes = byteRange(range)
  // As in etcd, the empty key of a watch is the lowest key there can be.
  const key = bytes.key.length === 0 ? Uint8Array.of(0) : bytes.key
  return new RunningWatch(source, { ...bytes, key }, options)
}

function checkOptions(options: WatchOptions): void {
  const starts = [options.from, options.resume, options.initial].filter((one) => one !== undefined)
  const problems: Problem[] = [
    ...notCount('/from', options.from ?? 0),
    ...notCount('/maxQueueBytes', options.maxQueueBytes ?? 0),
    ...notCount('/window/ms', options.window?.ms ?? 0),
    ...notCount('/window/maxWaitMs', options.window?.maxWaitMs ?? 0),
    ...notCount('/window/maxKeys', options.window?.maxKeys ?? 0),
  ]
  if (starts.length > 1) {
    problems.push({ path: '', message: 'only one of from, resume and initial can be given' })
  }
  refuse('watch', problems)
}

/**
 * The engine-independent half of a watch: takes the events of a feed, merges or queues them, hands them to the one
 * consumer on revision boundaries, and reads the range anew when the feed's history is gone.
 */
export class RunningWatch implements Watch {
  readonly ready: Promise<number>
  readonly ended: Promise<void>
  readonly #source: WatchSource
  readonly #range: ByteRange
  readonly #options: WatchOptions
  readonly #pending: Pending
  readonly #ready: PromiseWithResolvers<number> = Promise.withResolvers()
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #abort = new AbortController()
  /** Keys that the consumer knows of or will when `#pending` is delivered, with their mod revision. */
  readonly #known = new Map<string, number>()
  /** True when `#known` has every key of the range. */
  #complete = false
  #feed: Feed | undefined
  #stopped = false
  #handler: ((batch: Batch) => void | Promise<void>) | undefined
  #handoff: Handoff<Batch> | undefined
  #busy = false
  #closed = false
  #opened = false
  /** First revision asked for; 0 for "from now on". */
  #from: number
  /** The store's revision when the feed was opened. */
  #headAtOpen = 0
  #received = 0
  #handled = 0
  #cause: Batch['cause'] = 'live'
  #snapshot = false
  #timer: Timer | undefined
  #waitingSince: number | undefined

  constructor(source: WatchSource, range: ByteRange, options: WatchOptions) {
    this.#source = source
    this.#range = range
    this.#options = options
    this.#pending = options.delivery === 'each' ? createEventQueue() : createCoalescer()
    this.ready = this.#ready.promise
    this.ended = this.#ended.promise
    // Whoever wants to know asks; nobody has to.
    this.ready.catch(() => undefined)
    this.ended.catch(() => undefined)
    this.#from = options.from ?? 0
    this.#received = this.#handled = Math.max(0, this.#from - 1)
    if (options.resume !== undefined) this.#resume(options.resume)
    else if (options.initial === true) void this.#resync()
    else this.#open()
  }

  get position(): number {
    // Nothing waits and nothing is in hand: what the feed has gone past is handled too.
    if (this.#busy || this.#pending.size > 0 || this.#snapshot || this.#feed === undefined) {
      return this.#handled
    }
    return Math.max(this.#handled, this.#feed.position)
  }

  get state(): Watch['state'] {
    if (this.#closed) return 'closed'
    if (!this.#opened || this.#feed === undefined) return this.#opened ? 'replay' : 'starting'
    if (this.#from > this.#feed.head + 1) return 'future'
    return this.#feed.position < this.#headAtOpen ? 'replay' : 'live'
  }

  on(handler: (batch: Batch) => void | Promise<void>): this {
    if (this.#handler !== undefined) {
      refuse('watch', [{ path: '', message: 'the watch has a consumer already' }])
    }
    this.#handler = handler
    this.#schedule()
    return this
  }

  [Symbol.asyncIterator](): AsyncIterator<Batch> {
    const handoff = createHandoff<Batch>(() => this.cancel())
    this.on((batch) => handoff.put(batch))
    this.#handoff = handoff
    if (this.#closed)
      this.ended.then(
        () => handoff.end(),
        (error: unknown) => handoff.end(error),
      )
    return handoff.iterator
  }

  cancel(): void {
    this.#finish(undefined)
  }

  /** Ends the delivery; a handler that is running is not waited for, so that it may close its own watch. */
  close(): Promise<void> {
    this.cancel()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Ends the watch because its store cannot go on. */
  fail(error: TidemillError): void {
    this.#finish(error)
  }

  #finish(error: TidemillError | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#feed?.close()
    this.#timer?.cancel()
    this.#abort.abort()
    this.#handoff?.end(error)
    if (error === undefined) this.#ended.resolve()
    else this.#ended.reject(error)
    this.#ready.reject(error ?? kvError('TM_KV_CLOSED'))
    this.#source.onClosed(this)
  }

  #resume(token: string): void {
    const { storeId, revision } = parseToken(token)
    if (storeId === this.#source.storeId) {
      this.#received = this.#handled = revision
      this.#from = revision + 1
      this.#open()
    } else {
      // Another store's revisions say nothing about this one.
      this.#lose(kvError('TM_KV_COMPACTED', { revision, compacted: 0 }))
    }
  }

  #open(): void {
    const opened = (head: number): void => {
      if (this.#options.resume !== undefined && !this.#opened && head < this.#from - 1) {
        // The store has gone back (restored from an older copy): the token's revisions are not its own.
        this.#feed?.close()
        this.#received = this.#handled = 0
        this.#lose(kvError('TM_KV_COMPACTED', { revision: this.#from, compacted: 0 }))
        return
      }
      this.#opened = true
      this.#headAtOpen = head
      if (this.#from === 0) this.#received = this.#handled = head
      this.#ready.resolve(head)
    }
    try {
      this.#feed = this.#source.openFeed(
        this.#range,
        { from: this.#from, prevKv: this.#options.prevKv ?? false },
        {
          opened,
          events: (events, upTo, cause) => this.#receive(events, upTo, cause),
          compacted: (error) => this.#lose(error),
          failed: (error) => this.fail(error),
        },
      )
    } catch (error) {
      this.#finish(error as TidemillError)
    }
  }

  #receive(events: readonly Event[], upTo: number, cause: 'replay' | 'live'): boolean {
    for (const event of events) {
      const id = bytesId(event.kv.key)
      if (event.type === 'put') this.#known.set(id, event.kv.modRevision)
      else this.#known.delete(id)
      if (!this.#filtered(event)) this.#pending.add(event)
    }
    this.#received = upTo
    if (this.#cause !== 'resync') this.#cause = cause
    this.#schedule()
    const limit = this.#options.maxQueueBytes ?? defaultQueueBytes
    this.#stopped = this.#options.delivery === 'each' && this.#pending.bytes >= limit
    return !this.#stopped
  }

  #filtered(event: Event): boolean {
    return this.#options.filters?.includes(event.type) ?? false
  }

  /** The revisions to read next are gone. */
  #lose(error: TidemillError): void {
    if (this.#options.onCompacted === 'error') {
      this.#finish(error)
      return
    }
    this.#source.logger.log('info', 'a watch reads its range again', { reason: error.code })
    void this.#resync()
  }

  /** Reads the range, makes events of what differs from what is known, and goes on after that revision. */
  async #resync(): Promise<void> {
    this.#feed = undefined
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        const snapshot = await readSnapshot(this.#range, (range, options) =>
          this.#source.range(range, { ...options, signal: this.#abort.signal }),
        )
        if (this.#closed) return
        this.#applySnapshot(snapshot)
        this.#open()
        return
      } catch (error) {
        if (this.#closed) return
        if (!isRetryable(error)) {
          this.#finish(error as TidemillError)
          return
        }
        await this.#pause(attempt)
      }
    }
  }

  #applySnapshot({ revision, kvs }: Snapshot): void {
    const everything = !this.#complete
    const gone = new Map(this.#known)
    for (const kv of kvs) gone.delete(bytesId(kv.key))
    for (const [id, modRevision] of gone) {
      this.#known.delete(id)
      const event: Event = {
        type: 'delete',
        kv: tombstone(Uint8Array.from(Buffer.from(id, 'latin1')), revision),
      }
      if (!this.#filtered(event)) {
        this.#pending.add(event, { existed: true, first: modRevision + 1 })
      }
    }
    for (const kv of kvs) {
      const id = bytesId(kv.key)
      const known = this.#known.get(id)
      this.#known.set(id, kv.modRevision)
      if (known === kv.modRevision && !everything) continue
      const event: Event = { type: 'put', kv }
      const first = known === undefined || known === kv.modRevision ? kv.modRevision : known + 1
      if (!this.#filtered(event)) {
        this.#pending.add(event, { existed: known !== undefined, first })
      }
    }
    this.#complete = true
    this.#received = revision
    this.#from = revision + 1
    this.#cause = 'resync'
    this.#snapshot ||= everything && this.#options.filters?.includes('put') !== true
    this.#schedule()
  }

  /** Delivers soon: after the events that arrive in this turn, or when the window is over. */
  #schedule(): void {
    if (this.#busy || this.#closed || this.#handler === undefined || !this.#deliverable) return
    const { clock } = this.#source
    const window = this.#options.window
    this.#timer?.cancel()
    if (window === undefined || window.ms === 0 || this.#pending.size >= (window.maxKeys ?? 1e9)) {
      queueMicrotask(() => void this.#deliver())
      return
    }
    this.#waitingSince ??= clock.monotonic()
    const waited = clock.monotonic() - this.#waitingSince
    const left = Math.max(0, (window.maxWaitMs ?? Number.POSITIVE_INFINITY) - waited)
    this.#timer = clock.timer(Math.min(window.ms, left), () => void this.#deliver())
  }

  get #deliverable(): boolean {
    return this.#pending.size > 0 || this.#snapshot
  }

  async #deliver(): Promise<void> {
    if (this.#busy || this.#closed || this.#handler === undefined || !this.#deliverable) return
    this.#timer?.cancel()
    this.#waitingSince = undefined
    this.#busy = true
    const batch = this.#take()
    if (batch.changes.length > 0 || batch.snapshot) await this.#hand(batch, this.#handler)
    this.#busy = false
    if (this.#closed) return
    this.#handled = batch.revision
    if (this.#stopped && this.#pending.bytes === 0) {
      this.#stopped = false
      this.#feed?.more()
    }
    this.#schedule()
  }

  #take(): Batch {
    const batch: Batch = {
      revision: this.#received,
      changes: this.#pending.take(),
      cause: this.#cause,
      snapshot: this.#snapshot,
      token: formatToken({ storeId: this.#source.storeId, revision: this.#received }),
    }
    this.#cause = 'live'
    this.#snapshot = false
    return batch
  }

  /** Calls the handler until it succeeds; what arrives meanwhile keeps merging. */
  async #hand(batch: Batch, handler: (batch: Batch) => void | Promise<void>): Promise<void> {
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        await handler(batch)
        return
      } catch (error) {
        const fields = { revision: batch.revision, attempt, error: String(error) }
        this.#source.logger.log('warn', 'a watch handler failed and gets its batch again', fields)
        await this.#pause(attempt)
      }
    }
  }

  async #pause(attempt: number): Promise<void> {
    const { clock, random } = this.#source
    try {
      await clock.sleep(backoffDelay(attempt, redelivery, random), { signal: this.#abort.signal })
    } catch {
      // Closed: the loop that asked sees it.
    }
  }
}

function isRetryable(error: unknown): boolean {
  return (error as Partial<TidemillError>).retryable === true
}
