import { type DescMethod } from '@bufbuild/protobuf'
import {
  type Clock,
  createTimerWheel,
  type Random,
  type Timer,
  type TimerWheel,
} from '@tidemill/core'
import { status } from '../status.ts'
import type { TransportConnection } from '../transport/transport.ts'
import type { BenchPlan } from './bench-plan.ts'
import { type CallDataMaker, callDataMaker } from './call-data.ts'
import type { MetadataSource } from './call-metadata.ts'
import type { LoadLink } from './load-link.ts'
import { deadlineExceeded, LoadWorker } from './load-worker.ts'
import { type PayloadSource, takesStream } from './payload.ts'
import type { EndReason } from './report.ts'
import { ResultLog } from './result-log.ts'

export interface GeneratorOptions {
  readonly plan: BenchPlan
  readonly method: DescMethod
  readonly links: readonly LoadLink[]
  readonly payloads: PayloadSource
  readonly metadata: MetadataSource
  readonly clock: Clock
  readonly random: Random
  /** Called when counting begins, after the warm-up. */
  readonly onMeasure?: () => void
}

/** What a run of the generator gave. */
export interface GeneratorResult {
  readonly log: ResultLog
  readonly endReason: EndReason
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number
  readonly elapsedMs: number
  readonly warmup: { readonly calls: number; readonly ms: number }
  readonly notStarted: number
  /** Most calls in flight at once while counting. */
  readonly inFlight: number
  /** Milliseconds that calls waited for a free stream, the worst connection. */
  readonly blockedStreamsMs: number
}

/** Shorter waits are spent in turns of the event loop: a timer would be up to a millisecond late. */
const spinMs = 1.5

/**
 * Starts calls as the plan says and records how they end. One event loop, no promise and no closure per call. A closed
 * loop starts a worker's next call when its last one ended; an open loop starts calls when they are due and counts their
 * latency from then, so that a stalled server cannot hide what callers would have waited.
 */
export class LoadGenerator {
  readonly plan: BenchPlan
  readonly wheel: TimerWheel
  readonly sendsStream: boolean
  readonly receivesStream: boolean
  /** Whether either side streams. */
  readonly streams: boolean
  readonly #options: GeneratorOptions
  readonly #clock: Clock
  readonly #links: readonly LoadLink[]
  readonly #waiting: LoadWorker[][]
  readonly #waitingSince: number[]
  readonly #waitedMs: number[]
  readonly #headers: readonly string[]
  readonly #callData: CallDataMaker
  readonly #singles: readonly (readonly Buffer[])[]
  readonly #workers: LoadWorker[] = []
  #idle: LoadWorker[] = []
  #failing: LoadWorker[] = []
  #log: ResultLog
  #origin = 0
  #startedAt = 0
  #index = 0
  #inFlight = 0
  #mostInFlight = 0
  #limit = 0
  #skip: number
  #warming = false
  #warmed = { calls: 0, ms: 0 }
  #stopped = false
  #finished = false
  #wake: Timer | undefined = undefined
  #spinning = false
  #timers: Timer[] = []
  #resolve: (reason: EndReason) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  #reason: EndReason = 'normal'

  constructor(options: GeneratorOptions) {
    const { plan, method, links, payloads } = options
    this.plan = plan
    this.#options = options
    this.#clock = options.clock
    this.#links = links
    this.#waiting = links.map(() => [])
    this.#waitingSince = links.map(() => 0)
    this.#waitedMs = links.map(() => 0)
    this.wheel = createTimerWheel({ clock: options.clock })
    this.sendsStream = takesStream(method)
    this.receivesStream =
      method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming'
    this.streams = this.sendsStream || this.receivesStream
    this.#headers = Object.freeze([
      ...requestHeaders(plan, method),
      ...(options.metadata.fixed ?? []),
    ])
    this.#callData = callDataMaker(method, options.clock, options.random)
    this.#singles = (payloads.fixed ?? []).map((frame) => [frame])
    this.#log = new ResultLog(plan.countErrors)
    this.#skip = plan.skipFirst
    const { name } = plan
    for (let i = 0; i < plan.workers.most; i++) {
      const connection = i % links.length
      const id = `${name === '' ? '' : `${name}:`}g${i}c${connection}`
      this.#workers.push(new LoadWorker(this, id, connection))
    }
    this.#idle = this.#workers.toReversed()
  }

  /** The results so far, for a progress line. */
  get log(): ResultLog {
    return this.#log
  }

  get warming(): boolean {
    return this.#warming
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Milliseconds since counting began. */
  get elapsedMs(): number {
    return this.#clock.monotonic() - this.#origin
  }

  /** Runs the whole load once; ends early when the signal aborts. The links stay open unless the plan's stop closes them. */
  async run(signal?: AbortSignal): Promise<GeneratorResult> {
    const { plan } = this
    const ended = new Promise<EndReason>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const onAbort = (): void => this.#stop('cancel')
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#origin = this.#clock.monotonic()
    this.#startedAt = this.#clock.now()
    if (signal?.aborted === true) this.#stop('cancel')
    else if (plan.warmupMs > 0) {
      this.#warming = true
      this.#timers.push(this.#clock.timer(plan.warmupMs, () => this.#measure()))
      this.#restart()
    } else this.#measure()
    try {
      const endReason = await ended
      const elapsedMs = this.elapsedMs
      return {
        log: this.#log,
        endReason,
        startedAt: this.#startedAt,
        endedAt: this.#clock.now(),
        elapsedMs,
        warmup: this.#warmed,
        notStarted: this.#countNotStarted(elapsedMs),
        inFlight: this.#mostInFlight,
        blockedStreamsMs: Math.max(...this.#waitedMs),
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      for (const timer of this.#timers) timer.cancel()
      this.#wake?.cancel()
      this.wheel.close()
    }
  }

  /** Begins counting: calls of the warm-up that are still in flight end uncounted. */
  #measure(): void {
    if (this.#stopped) return
    this.#warmed = { calls: this.#warming ? this.#index : 0, ms: this.plan.warmupMs }
    this.#warming = false
    this.#log = new ResultLog(this.plan.countErrors)
    this.#waitedMs.fill(0)
    // Calls of the warm-up may still wait: what they waited before does not count.
    this.#waitingSince.fill(this.#clock.monotonic())
    this.#mostInFlight = 0
    this.#options.onMeasure?.()
    if (this.plan.durationMs > 0) {
      this.#timers.push(this.#clock.timer(this.plan.durationMs, () => this.#stop('timeout')))
    }
    this.#restart()
  }

  #restart(): void {
    this.#origin = this.#clock.monotonic()
    this.#startedAt = this.#clock.now()
    this.#index = 0
    this.#followWorkers()
    this.#dispatch()
  }

  /** Keeps the number of workers at what its schedule says. */
  #followWorkers(): void {
    const { workers } = this.plan
    this.#limit = workers.workers(this.elapsedMs)
    if (workers.stepMs > 0) {
      this.#timers.push(
        this.#clock.timer(workers.stepMs, () => {
          if (this.#stopped) return
          this.#followWorkers()
          this.#dispatch()
        }),
      )
    }
  }

  /** Starts every call that is due and has a worker; arranges to be called again when the next one is. */
  #dispatch(): void {
    const { plan } = this
    const now = this.#clock.monotonic()
    const elapsed = now - this.#origin
    while (
      !this.#stopped &&
      this.#idle.length > 0 &&
      this.#inFlight < this.#limit &&
      (this.#warming || this.#index < plan.total)
    ) {
      const due = plan.load.at(this.#index)
      if (due > elapsed) {
        this.#wakeIn(due - elapsed)
        return
      }
      const worker = this.#idle.pop() as LoadWorker
      this.#start(worker, plan.loop === 'open' ? this.#origin + due : now)
    }
    if (this.#inFlight === 0) this.#checkDone()
  }

  #wakeIn(ms: number): void {
    if (!Number.isFinite(ms)) {
      if (this.#inFlight === 0) this.#finish('normal')
      return
    }
    if (ms <= spinMs) {
      if (this.#spinning) return
      this.#spinning = true
      setImmediate(() => {
        this.#spinning = false
        this.#dispatch()
      })
      return
    }
    this.#wake?.cancel()
    this.#wake = this.#clock.timer(ms - 1, () => this.#dispatch())
  }

  #start(worker: LoadWorker, from: number): void {
    worker.requestNumber = this.#index++
    worker.from = from
    worker.counted = !this.#warming
    worker.busy = true
    this.#inFlight++
    if (this.#inFlight > this.#mostInFlight) this.#mostInFlight = this.#inFlight
    const { connection } = worker
    const current = (this.#links[connection] as LoadLink).current
    const waiting = this.#waiting[connection] as LoadWorker[]
    if (current === undefined) this.#failLater(worker)
    else if (current.slots > 0 && waiting.length === 0) this.#begin(worker, current)
    else {
      if (waiting.length === 0) this.#waitingSince[connection] = this.#clock.monotonic()
      waiting.push(worker)
      worker.queue()
    }
  }

  #begin(worker: LoadWorker, connection: TransportConnection): void {
    const { payloads, metadata } = this.#options
    if (payloads.fixed === undefined || metadata.fixed === undefined) {
      this.#beginDynamic(worker, connection)
      return
    }
    const messages = this.sendsStream
      ? payloads.fixed
      : (this.#singles[worker.requestNumber % this.#singles.length] as readonly Buffer[])
    worker.begin(connection, this.#headers, messages, this.#sending(messages))
  }

  #beginDynamic(worker: LoadWorker, connection: TransportConnection): void {
    const { payloads, metadata } = this.#options
    const number = worker.requestNumber
    let messages: readonly Buffer[]
    let headers = this.#headers
    try {
      const data = this.#callData(worker.id, number)
      const list = payloads.fixed ?? payloads.dynamic(data)
      messages = this.sendsStream ? list : [list[number % list.length] as Buffer]
      if (metadata.fixed === undefined) headers = [...headers, ...metadata.dynamic(data)]
    } catch (error) {
      // What a template made does not fit the message: no server is to blame, so the run ends.
      this.#fail(error)
      return
    }
    worker.begin(connection, headers, messages, this.#sending(messages))
  }

  #sending(messages: readonly Buffer[]): number {
    const { count } = this.plan.stream
    return this.sendsStream && count > 0 ? count : messages.length
  }

  /** Ends the run for a mistake of the caller that only a call brought to light. */
  #fail(error: unknown): void {
    this.#stopped = true
    this.#finished = true
    for (const worker of this.#workers) worker.busy = false
    this.#reject(error)
  }

  /** Fresh messages for a call whose every message is a new one; `last` when there are none, and the run is over. */
  regenerate(worker: LoadWorker, last: readonly Buffer[]): readonly Buffer[] {
    try {
      return this.#options.payloads.dynamic(this.#callData(worker.id, worker.requestNumber))
    } catch (error) {
      this.#fail(error)
      return last
    }
  }

  /** A call of the worker has ended; its worker takes the next. */
  ended(worker: LoadWorker, code: number, message: string): void {
    if (!worker.busy) return
    const now = this.#clock.monotonic()
    worker.busy = false
    this.#inFlight--
    if (worker.counted) this.#record(worker, now, code, message)
    if (this.#finished) return
    this.#idle.push(worker)
    if (this.#stopped) {
      if (this.#inFlight === 0) this.#finish(this.#reason)
    } else this.#dispatch()
  }

  #record(worker: LoadWorker, now: number, code: number, message: string): void {
    if (this.#skip > 0) {
      this.#skip--
      return
    }
    // A clock that stands still between two reads must not make a call of no length: ghz's ranks leave 0 out.
    const latency = Math.max(1, Math.round((now - worker.from) * 1e6))
    this.#log.add(latency, now - this.#origin, code, message)
  }

  /** Ends the call in the next turn, so that a server that refuses all cannot keep the event loop. */
  #failLater(worker: LoadWorker): void {
    this.#failing.push(worker)
    if (this.#failing.length > 1) return
    setImmediate(() => {
      const failed = this.#failing
      this.#failing = []
      for (const one of failed) {
        this.ended(one, status.UNAVAILABLE, (this.#links[one.connection] as LoadLink).problem)
      }
    })
  }

  /** A link has a connection again, has lost it, or has room for calls that wait. */
  linkChanged(index: number): void {
    const waiting = this.#waiting[index] as LoadWorker[]
    if (waiting.length === 0) return
    const { current } = this.#links[index] as LoadLink
    let begun = 0
    while (begun < waiting.length && !this.#finished) {
      const worker = waiting[begun] as LoadWorker
      if (current === undefined) {
        worker.unqueue()
        this.#failLater(worker)
      } else if (current.slots > 0) this.#begin(worker, current)
      else break
      begun++
    }
    waiting.splice(0, begun)
    if (waiting.length === 0) this.#noteWait(index)
  }

  /** A call's time passed while it waited for a free stream. */
  waitedTooLong(worker: LoadWorker): void {
    const { connection } = worker
    const waiting = this.#waiting[connection] as LoadWorker[]
    const at = waiting.indexOf(worker)
    if (at < 0) return
    waiting.splice(at, 1)
    worker.unqueue()
    if (waiting.length === 0) this.#noteWait(connection)
    this.ended(worker, status.DEADLINE_EXCEEDED, deadlineExceeded)
  }

  #noteWait(index: number): void {
    const waited = this.#clock.monotonic() - (this.#waitingSince[index] as number)
    this.#waitedMs[index] = (this.#waitedMs[index] as number) + waited
  }

  #checkDone(): void {
    if (this.#stopped) this.#finish(this.#reason)
    else if (!this.#warming && this.#index >= this.plan.total) this.#finish('normal')
  }

  /** Ends the run before its calls are done; what is in flight then is waited for, counted as failed, or forgotten. */
  #stop(reason: EndReason): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#reason = reason
    if (this.#inFlight === 0) {
      this.#finish(reason)
      return
    }
    if (this.plan.stop === 'wait') return
    const now = this.#clock.monotonic()
    for (const worker of this.#workers) {
      if (!worker.busy) continue
      if (this.plan.stop === 'close' && worker.counted) {
        this.#record(worker, now, status.UNAVAILABLE, 'transport is closing')
      }
      worker.busy = false
    }
    this.#finish(reason)
  }

  #finish(reason: EndReason): void {
    if (this.#finished) return
    this.#finished = true
    this.#stopped = true
    for (const [index, waiting] of this.#waiting.entries()) {
      if (waiting.length > 0) this.#noteWait(index)
    }
    this.#resolve(reason)
  }

  #countNotStarted(elapsedMs: number): number {
    if (this.plan.loop !== 'open') return 0
    let index = this.#index
    while (index < this.plan.total && this.plan.load.at(index) <= elapsedMs) index++
    return index - this.#index
  }
}

function requestHeaders(plan: BenchPlan, method: DescMethod): string[] {
  return [
    ':method',
    'POST',
    ':scheme',
    plan.target.plaintext ? 'http' : 'https',
    ':path',
    `/${method.parent.typeName}/${method.name}`,
    ':authority',
    plan.target.authority,
    'content-type',
    'application/grpc',
    'te',
    'trailers',
    'user-agent',
    'tidemill-bench',
    ...(plan.timeoutMs > 0 ? ['grpc-timeout', timeoutText(plan.timeoutMs)] : []),
    ...(plan.gzip ? ['grpc-encoding', 'gzip', 'grpc-accept-encoding', 'gzip'] : []),
  ]
}

/** `grpc-timeout`: at most eight digits and a unit. */
function timeoutText(ms: number): string {
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1000))}u`
  return ms < 1e8 ? `${Math.round(ms)}m` : `${Math.round(ms / 1000)}S`
}
