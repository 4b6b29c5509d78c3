import { backoffDelay, type Clock, type Logger, type Random, type Timer } from '@tidemill/core'
import { type Batch, type Kv, prefix, text, type Watch } from '@tidemill/kv'
import type { ObjectChange } from '../configuration/object-change.ts'
import { gatewayErrors } from '../errors.ts'
import { LastGood, readLastGood, type Snapshot } from './last-good.ts'
import { objectOf } from './object-key.ts'

/** Keeps a configuration equal to what lies in kv below a prefix. */
export interface KvSource {
  /** Whether kv is followed now; false while it is away and the last good objects are in force. */
  readonly up: boolean
  /** Resolves when everything up to that revision is in force; rejects when kv is not followed any more. */
  applied(revision: number): Promise<void>
  close(): Promise<void>
}

/** As much of a configuration as a source needs. */
export interface Configurable {
  apply(changes: readonly ObjectChange[], revision: number, snapshot?: boolean): number
  /** The objects in force. */
  snapshot(): Snapshot
}

export interface KvSourceOptions {
  readonly kv: Kv
  readonly root: string
  readonly configuration: Configurable
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** File that keeps the last good objects; none is kept without it. */
  readonly lastGood?: string
  /** How long a start waits for kv before it goes on with the last good objects; default 3000 ms. */
  readonly patienceMs?: number
  /** After each batch: how many routes were rebuilt. */
  readonly onApplied?: (revision: number, rebuilt: number) => void
}

interface Waiter {
  readonly revision: number
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

/**
 * Reads what is there, then follows changes; resolves when what was there is in force. When kv does not answer in time
 * and there is a last good file, it resolves with that in force and goes on trying: routes are never dropped because
 * the source is away.
 */
export async function followKv(options: KvSourceOptions): Promise<KvSource> {
  const source = new KvFollower(options)
  await source.start()
  return source
}

const pause = { base: 200, cap: 10_000 }

class KvFollower implements KvSource {
  readonly #options: KvSourceOptions
  readonly #lastGood: LastGood | undefined
  readonly #waiting: Waiter[] = []
  #watch: Watch | undefined
  #retry: Timer | undefined
  #attempt = 0
  #applied = 0
  #up = false
  #closed = false

  constructor(options: KvSourceOptions) {
    this.#options = options
    const { lastGood: path, clock, logger, configuration } = options
    if (path !== undefined) {
      const take = (): Snapshot => configuration.snapshot()
      this.#lastGood = new LastGood({ path, clock, logger, take })
    }
  }

  get up(): boolean {
    return this.#up
  }

  async start(): Promise<void> {
    const { lastGood: path, clock, logger, patienceMs = 3000 } = this.#options
    const first = this.applied(0)
    this.#follow()
    if (path === undefined) {
      await first
      return
    }
    const patience = Promise.withResolvers<'late'>()
    const timer = clock.timer(patienceMs, () => patience.resolve('late'))
    const outcome = await Promise.race([
      first.then(
        () => 'there' as const,
        (error: unknown) => ({ error }),
      ),
      patience.promise,
    ])
    timer.cancel()
    if (outcome === 'there') return
    const kept = await readLastGood(path, logger)
    if (kept === undefined) {
      await first
      return
    }
    if (this.#up) return
    logger.log('warn', 'kv is away: the last good configuration is in force', {
      revision: kept.revision,
      objects: kept.objects.length,
    })
    this.#apply(kept.objects, kept.revision, true)
    this.#settle()
  }

  applied(revision: number): Promise<void> {
    if (this.#closed) return Promise.reject(gatewayErrors.error('TM_GATEWAY_CLOSED'))
    if (this.#applied > 0 && revision <= this.#applied) return Promise.resolve()
    return new Promise((done, fail) => {
      this.#waiting.push({ revision, done, fail })
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#up = false
    this.#retry?.cancel()
    this.#fail(gatewayErrors.error('TM_GATEWAY_CLOSED'))
    await this.#watch?.close()
    await this.#lastGood?.close()
  }

  #follow(): void {
    const { kv, root, logger } = this.#options
    // A burst of changes is one rebuild; a single change waits 5 ms for company.
    const watch = kv.watch(prefix(`${root}/`), {
      initial: true,
      window: { ms: 5, maxWaitMs: 50 },
    })
    this.#watch = watch
    watch.ended.then(
      () => this.#ended(undefined),
      (error: unknown) => {
        logger.log('error', 'kv is not followed: what was in force stays', { error })
        this.#ended(error)
      },
    )
    watch.on((batch) => this.#take(batch))
  }

  /** The watch is over: whoever waits is told, and another is tried after a pause. */
  #ended(error: unknown): void {
    if (this.#closed) return
    this.#watch = undefined
    this.#up = false
    this.#attempt++
    const { clock, random } = this.#options
    this.#fail(error ?? gatewayErrors.error('TM_GATEWAY_CLOSED'))
    const ms = backoffDelay(this.#attempt, pause, random)
    this.#retry = clock.timer(ms, () => this.#follow(), { ref: false })
  }

  #take(batch: Batch): void {
    if (this.#closed) return
    const { root, logger, configuration } = this.#options
    const changes = batch.changes.flatMap((change): ObjectChange[] => {
      const object = objectOf(root, text(change.key))
      if (object === undefined) return []
      const value = change.kv === undefined ? undefined : text(change.kv.value)
      return [{ ...object, text: value, revision: change.revisions[1] }]
    })
    this.#attempt = 0
    // A store that came back with an older revision and nothing in it has lost its data; nobody deleted them.
    if (batch.snapshot && changes.length === 0 && batch.revision < this.#applied) {
      const { length } = configuration.snapshot().objects
      if (length > 0) {
        logger.log('error', 'kv came back empty and older: what was in force stays', {
          revision: batch.revision,
          inForce: this.#applied,
        })
        return
      }
    }
    this.#up = true
    this.#apply(changes, batch.revision, batch.snapshot)
    this.#lastGood?.changed()
    this.#settle()
  }

  #apply(changes: readonly ObjectChange[], revision: number, snapshot: boolean): void {
    const { configuration, logger, onApplied } = this.#options
    const rebuilt = configuration.apply(changes, revision, snapshot)
    this.#applied = revision
    onApplied?.(revision, rebuilt)
    logger.log('debug', 'gateway configuration applied', { revision, rebuilt })
  }

  /** Tells those who wait for what is in force now. */
  #settle(): void {
    for (const waiter of this.#waiting.splice(0)) {
      if (waiter.revision <= this.#applied) waiter.done()
      else this.#waiting.push(waiter)
    }
  }

  #fail(error: unknown): void {
    for (const waiter of this.#waiting.splice(0)) waiter.fail(error)
  }
}
