import type { Clock, Timer } from '@tidemill/core'
import type { AttemptListener, AttemptStart, CallAttempt } from '../client/attempt.ts'
import type { AttemptPolicy } from './attempt-policy.ts'
import type { CallOutcome } from './call-outcome.ts'
import type { ChannelStatistics } from './channel-statistics.ts'
import { type ReplayBudget, ReplayBuffer } from './replay-buffer.ts'

/** Begins one attempt on one stream. */
export type BeginAttempt = (start: AttemptStart, listener: AttemptListener) => CallAttempt

export interface PolicyCallContext {
  readonly begin: BeginAttempt
  readonly clock: Clock
  readonly budget: ReplayBudget
  readonly statistics: ChannelStatistics
}

/** One of the attempts that run, with how far what was sent has been given to it. */
class Child implements AttemptListener {
  readonly owner: PolicyCall
  readonly previousAttempts: number
  attempt: CallAttempt | undefined = undefined
  cursor: number = 0
  blocked: boolean = false

  constructor(owner: PolicyCall, previousAttempts: number) {
    this.owner = owner
    this.previousAttempts = previousAttempts
  }

  onHeaders(list: readonly string[]): void {
    this.owner.childHeaders(this, list)
  }

  onData(chunk: Buffer): void {
    this.owner.childData(this, chunk)
  }

  onWritable(): void {
    this.owner.childWritable(this)
  }

  onEnd(outcome: CallOutcome): void {
    this.owner.childEnded(this, outcome)
  }
}

/**
 * A call with a retry or hedging policy: attempts that look like one. What the application sends is kept until one
 * attempt is bound (its headers came, or too much is kept); what arrives is passed on from then only.
 */
export class PolicyCall implements CallAttempt {
  readonly #start: AttemptStart
  readonly #policy: AttemptPolicy
  readonly #listener: AttemptListener
  readonly #context: PolicyCallContext
  readonly #buffer: ReplayBuffer
  readonly #children = new Set<Child>()
  /** The attempt that is the call from now on. */
  #bound: Child | undefined = undefined
  /** The next attempt will be bound: too much is kept to repeat it once more. */
  #bindNext = false
  #done = false
  #timer: Timer | undefined = undefined
  #last: CallOutcome | undefined = undefined
  /** An attempt was sent that the server may have run. */
  #sent = false
  /** The application was told to stop sending. */
  #paused = false

  constructor(
    start: AttemptStart,
    policy: AttemptPolicy,
    listener: AttemptListener,
    context: PolicyCallContext,
  ) {
    this.#start = start
    this.#policy = policy
    this.#listener = listener
    this.#context = context
    this.#buffer = new ReplayBuffer(context.budget)
    this.#next()
  }

  get unsent(): boolean {
    if (this.#sent) return false
    for (const { attempt } of this.#children) if (attempt?.unsent === false) return false
    return true
  }

  send(frames: Uint8Array, end: boolean): boolean {
    if (this.#done) return true
    const bound = this.#bound
    if (bound?.attempt !== undefined && this.#isThrough(bound)) {
      const open = bound.attempt.send(frames, end)
      bound.blocked = !open
      this.#paused = !open
      return open
    }
    this.#buffer.append(frames, end)
    if (bound === undefined && this.#buffer.full) this.#bindFurthest()
    for (const child of this.#children) this.#pump(child)
    this.#paused = this.#mustPause()
    return !this.#paused
  }

  cancel(): void {
    this.#finish()
  }

  consume(bytes: number): void {
    this.#bound?.attempt?.consume(bytes)
  }

  expect(bytes: number): void {
    this.#bound?.attempt?.expect(bytes)
  }

  childHeaders(child: Child, list: readonly string[]): void {
    if (this.#done || !this.#children.has(child)) return
    this.#bind(child)
    this.#listener.onHeaders(list)
  }

  childData(child: Child, chunk: Buffer): void {
    if (!this.#done && child === this.#bound) this.#listener.onData(chunk)
  }

  childWritable(child: Child): void {
    if (this.#done || !this.#children.has(child)) return
    child.blocked = false
    this.#pump(child)
    this.#resumeSender()
  }

  childEnded(child: Child, outcome: CallOutcome): void {
    if (this.#done || !this.#children.delete(child)) return
    const step = this.#policy.ended(outcome, child === this.#bound)
    if (outcome.processed === 'sent') this.#sent = true
    this.#last = outcome
    // Bound by what was sent, not by what came: nothing can be sent again.
    if (child === this.#bound || step.kind === 'finish') {
      if (step.kind === 'finish' && step.reason === 'throttled')
        this.#context.statistics.throttled++
      this.#end(outcome)
      return
    }
    if (step.kind === 'wait') this.#stopTimer()
    else if (step.kind === 'repeat') {
      this.#context.statistics.transparentRetries++
      this.#begin(child.previousAttempts)
    } else this.#later(step.delayMs)
  }

  #later(ms: number): void {
    this.#stopTimer()
    this.#timer = this.#context.clock.timer(ms, () => {
      this.#timer = undefined
      this.#next()
    })
  }

  /** The attempt that is due. */
  #next(): void {
    const policy = this.#policy
    if (!policy.allowed) {
      this.#context.statistics.throttled++
      const last = this.#last
      if (this.#children.size > 0 || last === undefined) return
      this.#end(last)
      return
    }
    const previous = policy.previousAttempts
    const delay = policy.started()
    if (previous > 0) {
      if (policy.kind === 'retry') this.#context.statistics.retries++
      else this.#context.statistics.hedges++
    }
    if (delay !== undefined) this.#later(delay)
    this.#begin(previous)
  }

  #begin(previousAttempts: number): void {
    const child = new Child(this, previousAttempts)
    this.#children.add(child)
    const { headers } = this.#start
    const start =
      previousAttempts === 0
        ? this.#start
        : {
            ...this.#start,
            headers: [...headers, 'grpc-previous-rpc-attempts', String(previousAttempts)],
          }
    child.attempt = this.#context.begin(start, child)
    if (this.#bindNext) this.#bind(child)
    this.#pump(child)
    this.#resumeSender()
  }

  /** Gives the child what it has not had yet, until it wants no more. */
  #pump(child: Child): void {
    const { attempt } = child
    if (attempt === undefined) return
    while (!child.blocked && child.cursor < this.#buffer.chunks) {
      const index = child.cursor++
      child.blocked = !attempt.send(this.#buffer.chunk(index), this.#buffer.isLast(index))
    }
    if (child === this.#bound && child.cursor === this.#buffer.chunks && child.cursor > 0) {
      this.#buffer.release()
      child.cursor = 0
    }
  }

  /** Whether the child has had everything that was kept, so that what is sent next may go to it directly. */
  #isThrough(child: Child): boolean {
    return this.#buffer.chunks === 0 && !child.blocked
  }

  #mustPause(): boolean {
    if (this.#bound !== undefined) return this.#bound.blocked
    if (this.#buffer.full) return true
    if (this.#children.size === 0) return false
    for (const child of this.#children) if (!child.blocked) return false
    return true
  }

  #resumeSender(): void {
    if (!this.#paused || this.#mustPause()) return
    this.#paused = false
    this.#listener.onWritable()
  }

  /** Too much is kept: the attempt that has had most of it is the call, or else the next one. */
  #bindFurthest(): void {
    let furthest: Child | undefined
    for (const child of this.#children) {
      if (furthest === undefined || child.cursor > furthest.cursor) furthest = child
    }
    if (furthest === undefined) this.#bindNext = true
    else this.#bind(furthest)
  }

  #bind(child: Child): void {
    if (this.#bound === child) return
    this.#bound = child
    this.#stopTimer()
    for (const other of this.#children) {
      if (other === child) continue
      if (other.attempt?.unsent === false) this.#sent = true
      this.#children.delete(other)
      other.attempt?.cancel()
    }
    this.#pump(child)
  }

  #end(outcome: CallOutcome): void {
    // Whoever gets the last failure must not take the call for unsent when an earlier attempt, or one beside it, may
    // have run.
    const mayHaveRun = !this.unsent
    this.#finish()
    this.#listener.onEnd(mayHaveRun ? { ...outcome, processed: 'sent' } : outcome)
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #finish(): void {
    this.#done = true
    this.#stopTimer()
    this.#buffer.release()
    for (const child of this.#children) child.attempt?.cancel()
    this.#children.clear()
  }
}
