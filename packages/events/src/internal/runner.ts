import {
  backoffDelay,
  type Clock,
  type Logger,
  type Random,
  TidemillError,
  type Timer,
} from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import { eventsErrors } from '../errors.ts'
import type { ProcessorState } from '../processor.ts'
import { batchChannel, stopChannel } from './channels.ts'
import { acquireProcedure, type ProcessorKey, renewProcedure } from './checkpoint.ts'
import { type Failure, retryLimits } from './failure.ts'

/** One turn of a processor's work. */
export interface StepResult {
  readonly position: number
  /** The head as the step saw it. */
  readonly head: number
  readonly blocked?: Failure
}

/** What a runner drives: a projection or a reactor. */
export interface Work {
  readonly key: ProcessorKey
  /** Where the checkpoint is. */
  readonly database: Database
  prepare(): Promise<void>
  /** Does the next batch; `careful` after one failed, `giveUp` names the event whose tries are used up. */
  step(
    fence: number,
    mode: { readonly careful: boolean; readonly giveUp?: number },
    signal: AbortSignal,
  ): Promise<StepResult>
  /** Called when everything is done for now. */
  settled?(fence: number): Promise<void>
}

export interface RunnerOptions {
  readonly work: Work
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly leaseMs: number
  /** `PROCESS/INSTANCE`; a process's name lets a restarted one take over what it held before. */
  readonly owner: string
  head(): Promise<number>
  /** Calls back after appends. */
  listen(wake: () => void): () => void
  onClosed(): void
}

const pollMs = { first: 20, last: 1000 }
const drainMs = 5000

/** The loop under every processor: owns the lease, steps until the head, then waits for a wake or a poll. */
export class Runner {
  state: ProcessorState = 'starting'
  position = 0
  error: Error | undefined
  private readonly options: RunnerOptions
  private readonly controller = new AbortController()
  private readonly stopListening: () => void
  private readonly loop: Promise<void>
  private readonly waiting = new Set<{
    readonly until: number
    readonly resolve: () => void
    readonly reject: (error: Error) => void
  }>()
  private fence: number | undefined
  private renewal: Timer | undefined
  private woken = false
  private wakeUp: (() => void) | undefined
  private closing: Promise<void> | undefined
  /** Work that must not run beside a step: replay, rebuild, activate. */
  private turn: Promise<unknown> = Promise.resolve()

  constructor(options: RunnerOptions) {
    this.options = options
    this.stopListening = options.listen(() => this.wake())
    this.loop = this.run()
  }

  async lag(): Promise<number> {
    return Math.max(0, (await this.options.head()) - this.position)
  }

  async idle(): Promise<void> {
    const until = await this.options.head()
    if (this.state === 'closed') throw this.stopped('it is closed')
    if (this.state === 'stopped') throw this.stopped()
    if (this.position >= until && this.fence !== undefined) return
    await new Promise<void>((resolve, reject) => this.waiting.add({ until, resolve, reject }))
  }

  resume(): void {
    if (this.state !== 'stopped') return
    this.state = 'starting'
    this.error = undefined
    this.wake()
  }

  /** Runs `work` between two steps, with the lease held; rejects with TM_EVENTS_FENCED without it. */
  async exclusively<T>(work: (fence: number, signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      if (this.isClosed()) throw this.stopped('it is closed')
      if (this.fence === undefined && !(await this.acquire())) {
        throw eventsErrors.error('TM_EVENTS_FENCED', { ...this.options.work.key })
      }
      return work(this.fence as number, this.controller.signal)
    })
  }

  /** After a rebuild: the checkpoint was moved by the caller. */
  moved(position: number): void {
    this.position = position
    this.wake()
  }

  close(): Promise<void> {
    this.closing ??= this.shut()
    return this.closing
  }

  private async shut(): Promise<void> {
    const { clock, work } = this.options
    this.stopListening()
    this.state = 'closed'
    this.wake()
    // A step that is under way may finish; a handler that does not is aborted.
    const abort = clock.timer(drainMs, () => this.controller.abort(this.stopped('it is closed')))
    await this.loop
    await this.turn.catch(() => undefined)
    abort.cancel()
    this.renewal?.cancel()
    if (this.fence !== undefined) {
      const release = { ...work.key, fence: this.fence, leaseMs: 0 }
      this.fence = undefined
      await work.database.call(renewProcedure, release).catch(() => undefined)
    }
    this.rejectWaiting(this.stopped('it is closed'))
    this.options.onClosed()
  }

  private async run(): Promise<void> {
    let failures = 0
    let careful = false
    let giveUp: number | undefined
    let prepared = false
    while (!this.isClosed()) {
      if (this.state === 'stopped') {
        this.woken = false
        await this.sleep(undefined)
        failures = 0
        giveUp = undefined
        continue
      }
      try {
        if (!prepared) {
          await this.options.work.prepare()
          prepared = true
        }
        if (this.fence === undefined && !(await this.inTurn(() => this.acquire()))) {
          this.state = 'standby'
          await this.sleep(this.options.leaseMs / 3, false)
          continue
        }
        const mode = giveUp === undefined ? { careful } : { careful, giveUp }
        const result = await this.inTurn(() => this.step(mode))
        if (result === undefined) continue
        const { blocked } = result
        if (blocked === undefined) {
          failures = 0
          careful = false
          giveUp = undefined
          if (result.position >= result.head) await this.rest(result.head)
          continue
        }
        if (!blocked.retryable) {
          this.stop(blocked.position, blocked.message)
          continue
        }
        failures++
        if (failures >= retryLimits.tries) giveUp = blocked.position
        else await this.backOff(failures, new Error(blocked.message))
      } catch (error) {
        if (TidemillError.is(error, 'TM_EVENTS_FENCED')) {
          this.lose()
          continue
        }
        if (!careful && prepared) {
          // Perhaps one event is to blame: the careful way finds it.
          careful = true
          continue
        }
        if (!TidemillError.is(error) || !error.retryable) {
          this.stop(this.position, error instanceof Error ? error.message : String(error), error)
          continue
        }
        failures++
        await this.backOff(failures, error)
      }
    }
  }

  private async step(mode: {
    readonly careful: boolean
    readonly giveUp?: number
  }): Promise<StepResult | undefined> {
    if (this.fence === undefined || this.isClosed()) return undefined
    this.woken = false
    const result = await this.options.work.step(this.fence, mode, this.controller.signal)
    this.state = this.isClosed() ? 'closed' : 'running'
    this.error = undefined
    const from = this.position
    this.position = result.position
    if (batchChannel.hasSubscribers && from !== this.position) {
      const { key } = this.options.work
      batchChannel.publish({ ...key, from, to: this.position, head: result.head })
    }
    for (const waiter of this.waiting) {
      if (this.position < waiter.until) continue
      this.waiting.delete(waiter)
      waiter.resolve()
    }
    return result
  }

  /** Nothing to do: waits for a wake, and polls in case one was lost. */
  private async rest(head: number): Promise<void> {
    const { work } = this.options
    let delay = pollMs.first
    while (!this.woken && !this.isClosed() && this.fence !== undefined) {
      const { fence } = this
      await this.inTurn(async () => work.settled?.(fence))
      await this.sleep(delay)
      if (this.woken || (await this.options.head()) > head) return
      delay = Math.min(delay * 2, pollMs.last)
    }
  }

  private async acquire(): Promise<boolean> {
    const { work, owner, leaseMs } = this.options
    const held = await work.database.call(acquireProcedure, {
      ...work.key,
      owner,
      leaseMs,
      // One process owns a SQLite file, so a lease from another process is one from before a crash.
      exclusive: work.database.dialect === 'sqlite',
    })
    if (held === null) return false
    this.fence = held.fence
    this.position = held.position
    this.renewLater(held.fence)
    return true
  }

  private renewLater(fence: number): void {
    const { work, clock, leaseMs } = this.options
    this.renewal?.cancel()
    this.renewal = clock.timer(leaseMs / 3, () => {
      if (this.fence !== fence || this.isClosed()) return
      work.database.call(renewProcedure, { ...work.key, fence, leaseMs }).then(
        (kept) => (kept ? this.renewLater(fence) : this.lose(fence)),
        // The fence protects the data if the lease runs out meanwhile.
        () => this.renewLater(fence),
      )
    })
  }

  private lose(fence: number | undefined = this.fence): void {
    if (this.fence !== fence) return
    this.fence = undefined
    this.renewal?.cancel()
    this.wake()
  }

  private stop(position: number, reason: string, cause?: unknown): void {
    if (this.isClosed()) return
    this.state = 'stopped'
    this.error = this.stopped(reason, position, cause)
    const { logger, work } = this.options
    logger.log('error', 'processor stopped', { ...work.key, position, reason })
    stopChannel.publish({ ...work.key, position, reason })
    this.rejectWaiting(this.error)
  }

  private stopped(reason?: string, position = this.position, cause?: unknown): Error {
    if (reason === undefined && this.error !== undefined) return this.error
    const { processor } = this.options.work.key
    return eventsErrors.error(
      'TM_EVENTS_PROCESSOR_STOPPED',
      { processor, position, reason: reason ?? '' },
      cause === undefined ? {} : { cause },
    )
  }

  private rejectWaiting(error: Error): void {
    for (const waiter of this.waiting) waiter.reject(error)
    this.waiting.clear()
  }

  private async backOff(failures: number, error: Error): Promise<void> {
    const { random, logger, work } = this.options
    this.state = 'retrying'
    this.error = error
    logger.log('warn', 'processor tries again', { ...work.key, failures, reason: error.message })
    const until = backoffDelay(failures, retryLimits, random)
    await this.sleep(until, false)
  }

  private wake(): void {
    this.woken = true
    this.wakeUp?.()
  }

  /** Waits for that long (undefined: for ever), for a wake when `wakeable`, or for the end. */
  private async sleep(ms: number | undefined, wakeable = true): Promise<void> {
    if (this.isClosed() || (wakeable && this.woken)) return
    await new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : this.options.clock.timer(ms, resolve)
      this.wakeUp = () => {
        if (!wakeable && !this.isClosed()) return
        timer?.cancel()
        resolve()
      }
    })
    this.wakeUp = undefined
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work, work)
    this.turn = mine.catch(() => undefined)
    return mine
  }

  /** A method, so that the compiler does not take the state for what it was before an await. */
  private isClosed(): boolean {
    return this.state === 'closed'
  }
}
