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

/** The time from taking the lease to losing it; the signal aborts what is under way when it ends. */
interface Tenure {
  readonly fence: number
  readonly controller: AbortController
}

const pollMs = { first: 20, last: 1000 }
const drainMs = 5000
const closed = 'it is closed'

/** The loop under every processor: owns the lease, steps until the head, then waits for a wake or a poll. */
export class Runner {
  position = 0
  error: Error | undefined
  private readonly options: RunnerOptions
  private readonly stopListening: () => void
  private readonly loop: Promise<void>
  private readonly waiting = new Set<{
    readonly until: number
    readonly resolve: () => void
    readonly reject: (error: Error) => void
  }>()
  private phase: Exclude<ProcessorState, 'closed'> = 'starting'
  private prepared = false
  private tenure: Tenure | undefined
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

  get state(): ProcessorState {
    return this.isClosed() ? 'closed' : this.phase
  }

  async lag(): Promise<number> {
    return Math.max(0, (await this.options.head()) - this.position)
  }

  async idle(): Promise<void> {
    const until = await this.options.head()
    if (this.state === 'closed') throw this.stopped(closed)
    if (this.state === 'stopped') throw this.stopped()
    if (this.position >= until && this.tenure !== undefined) return
    await new Promise<void>((resolve, reject) => this.waiting.add({ until, resolve, reject }))
  }

  resume(): void {
    if (this.state !== 'stopped') return
    this.phase = 'starting'
    this.error = undefined
    this.wake()
  }

  /** Runs `work` between two steps, with the lease held; rejects with TM_EVENTS_FENCED without it. */
  async exclusively<T>(work: (fence: number, signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      if (this.isClosed()) throw this.stopped(closed)
      const { fence, controller } = this.tenure ?? (await this.acquire()) ?? this.nobody()
      return work(fence, controller.signal)
    })
  }

  /** Tells, inside {@link Runner.exclusively}, that the work has moved the checkpoint. */
  moved(position: number): void {
    this.position = position
    this.wake()
  }

  close(): Promise<void> {
    if (this.closing !== undefined) return this.closing
    // Set before anything else runs: it is what makes the state closed.
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closing = promise
    resolve(this.shut())
    return promise
  }

  private async shut(): Promise<void> {
    const { clock, work } = this.options
    this.stopListening()
    this.renewal?.cancel()
    this.wakeUp?.()
    // A step that is under way may finish; a handler that does not is given up.
    const abort = clock.timer(drainMs, () => this.tenure?.controller.abort(this.stopped(closed)))
    await this.loop
    await this.turn
    abort.cancel()
    if (this.tenure !== undefined) {
      const release = { ...work.key, fence: this.tenure.fence, leaseMs: 0 }
      this.tenure = undefined
      await work.database.call(renewProcedure, release).catch(() => undefined)
    }
    this.rejectWaiting(this.stopped(closed))
    this.options.onClosed()
  }

  private async run(): Promise<void> {
    let tries: Tries = { at: undefined, failures: 0 }
    let careful = false
    while (!this.isClosed()) {
      if (this.phase === 'stopped') {
        this.woken = false
        await this.sleep(undefined)
        tries = { at: undefined, failures: 0 }
        continue
      }
      try {
        if (this.tenure === undefined && (await this.inTurn(() => this.acquire())) === undefined) {
          this.phase = 'standby'
          await this.sleep(this.options.leaseMs / 3, false)
          continue
        }
        const giveUp = tries.failures >= retryLimits.tries ? tries.at : undefined
        const mode = giveUp === undefined ? { careful } : { careful, giveUp }
        const result = await this.inTurn(() => this.step(mode))
        if (result === undefined) continue
        const { blocked } = result
        if (blocked === undefined) {
          tries = { at: undefined, failures: 0 }
          careful = false
          if (result.position >= result.head) await this.rest(result.head)
        } else if (blocked.retryable) {
          tries = again(tries, blocked.position)
          if (tries.failures < retryLimits.tries) {
            await this.backOff(tries.failures, new Error(blocked.message))
          }
        } else this.stop(blocked.position, blocked.message)
      } catch (error) {
        if (TidemillError.is(error, 'TM_EVENTS_FENCED')) {
          this.lose(this.tenure)
        } else if (!careful && this.prepared) {
          // Perhaps one event is to blame: the careful way finds it.
          careful = true
        } else if (TidemillError.is(error) && error.retryable) {
          tries = again(tries, undefined)
          await this.backOff(tries.failures, error)
        } else {
          this.stop(this.position, error instanceof Error ? error.message : String(error), error)
        }
      }
    }
  }

  private async step(mode: {
    readonly careful: boolean
    readonly giveUp?: number
  }): Promise<StepResult | undefined> {
    const { tenure } = this
    if (tenure === undefined || this.isClosed()) return undefined
    this.woken = false
    const { fence, controller } = tenure
    const result = await this.options.work.step(fence, mode, controller.signal)
    this.phase = 'running'
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
    while (!this.woken && !this.isClosed() && this.tenure !== undefined) {
      await this.inTurn(async () => {
        if (this.tenure !== undefined) await work.settled?.(this.tenure.fence)
      })
      await this.sleep(delay)
      if (this.woken || (await this.options.head()) > head) return
      delay = Math.min(delay * 2, pollMs.last)
    }
  }

  private async acquire(): Promise<Tenure | undefined> {
    const { work, owner, leaseMs } = this.options
    if (!this.prepared) await work.prepare()
    this.prepared = true
    const held = await work.database.call(acquireProcedure, {
      ...work.key,
      owner,
      leaseMs,
      // One process owns a SQLite file, so a lease from another process is one from before a crash.
      exclusive: work.database.dialect === 'sqlite',
    })
    if (held === null) return undefined
    this.tenure = { fence: held.fence, controller: new AbortController() }
    this.position = held.position
    this.renewLater(this.tenure)
    return this.tenure
  }

  private nobody(): never {
    throw eventsErrors.error('TM_EVENTS_FENCED', { ...this.options.work.key })
  }

  private renewLater(tenure: Tenure): void {
    // The answer to a renewal may come after the end.
    if (this.tenure !== tenure || this.isClosed()) return
    const { work, clock, leaseMs } = this.options
    this.renewal = clock.timer(leaseMs / 3, () => {
      work.database.call(renewProcedure, { ...work.key, fence: tenure.fence, leaseMs }).then(
        (kept) => (kept ? this.renewLater(tenure) : this.lose(tenure)),
        // The fence protects the data if the lease runs out meanwhile.
        () => this.renewLater(tenure),
      )
    })
  }

  private lose(tenure: Tenure | undefined): void {
    if (tenure === undefined || this.tenure !== tenure) return
    this.tenure = undefined
    this.renewal?.cancel()
    // Somebody else does the same events now.
    tenure.controller.abort(eventsErrors.error('TM_EVENTS_FENCED', { ...this.options.work.key }))
    this.wake()
  }

  private stop(position: number, reason: string, cause?: unknown): void {
    if (this.isClosed()) return
    this.phase = 'stopped'
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
    this.phase = 'retrying'
    this.error = error
    logger.log('warn', 'processor tries again', { ...work.key, failures, reason: error.message })
    await this.sleep(backoffDelay(failures, retryLimits, random), false)
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

  private isClosed(): boolean {
    return this.closing !== undefined
  }
}

/** How often what stands at a position has failed in a row; without a position it was the whole batch. */
interface Tries {
  readonly at: number | undefined
  readonly failures: number
}

function again(tries: Tries, at: number | undefined): Tries {
  return { at, failures: tries.at === at ? tries.failures + 1 : 1 }
}
