import { type AttemptOutcome, attempt as outcomes, type Host } from '../balance/host.ts'
import type { Balancer, RetryBudget } from '../balance/index.ts'
import { retryAfterDelay, retryDelay } from '../balance/retry-delay.ts'
import type { Applicant, Attempt } from './attempt.ts'
import { type AttemptFault, fault, isIdempotent, outcomeOf } from './attempt-fault.ts'
import type { CallTimer, TimedCall } from './call-timer.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { RequestBody } from './request-body.ts'
import type { RunningCluster } from './running-cluster.ts'
import type {
  RetryPlan,
  UpstreamCall,
  UpstreamFailure,
  UpstreamHandler,
  UpstreamRequest,
} from './upstream-call.ts'

/** Bytes of a body that wait for a connection before the writer is told to stop. */
const highWater = 64 * 1024
/** Of a body this much is kept for another attempt where the route says nothing. */
const keptBytes = 64 * 1024
/** Base of the wait before a retry (Envoy's). */
const backoffMs = 25

const none: readonly string[] = []

/** What the call's own timer waits for besides the deadline. */
const waits = { nothing: 0, backoff: 1, head: 2, body: 3 } as const

/** One request over all its attempts: chooses hosts, repeats what may be repeated, and tells its handler one outcome. */
export class Call implements UpstreamCall, Applicant, TimedCall {
  state: unknown = undefined
  host: Host | undefined = undefined
  attempts: number = 0
  fresh: boolean = false
  readonly request: UpstreamRequest
  readonly #handler: UpstreamHandler
  readonly #cluster: RunningCluster
  /** What was asked for a connection and has not given one yet. */
  #pool: ConnectionPool | undefined = undefined
  #attempt: Attempt | undefined = undefined
  #body: RequestBody | undefined = undefined
  #ended: boolean
  #trailers: readonly string[] = none
  /** The writer was told to wait. */
  #blocked = false
  #bodyPaused = false
  /** Status of the head that the handler was given; 0 before. */
  #status = 0
  #tunnel = false
  #over = false
  /** The host counts this attempt. */
  #counted = false
  #balancer: Balancer | undefined = undefined
  #startedAt = 0
  #headAt = 0
  #tried: Host[] | undefined = undefined
  #retries = 0
  /** The stale connection was made up for; the unprocessed attempt was repeated. */
  #cured = false
  #repeated = false
  /** Some attempt may have been acted on. */
  #processed = false
  #budget: RetryBudget | undefined = undefined
  #timer: CallTimer | undefined = undefined
  #wait: number = waits.nothing
  #waitUntil = Infinity
  #heardAt = 0

  constructor(cluster: RunningCluster, request: UpstreamRequest, handler: UpstreamHandler) {
    this.#cluster = cluster
    this.request = request
    this.#handler = handler
    this.#ended = request.bodyLength === 0 && request.upgrade === ''
    if (!this.#ended && request.upgrade === '') {
      const limit = request.retry?.bufferBytes ?? keptBytes
      // A body that will not be kept whole need not be kept at all.
      this.#body = new RequestBody(request.bodyLength > limit ? 0 : limit)
    }
  }

  // The caller's side

  write(part: Uint8Array): boolean {
    if (this.#over || part.length === 0) return true
    const attempt = this.#attempt
    const body = this.#body
    try {
      if (attempt === undefined || this.#awaitsTunnel) {
        this.#body ??= new RequestBody(0)
        this.#body.add(part)
        if (this.#body.bytes < highWater) return true
        this.#blocked = true
        return false
      }
      if (body?.drained === false) {
        // What came before is still on its way to this attempt.
        body.add(part)
        this.#blocked = true
        return false
      }
      if (body?.whole === true) {
        body.add(part)
        body.next()
        body.trim()
      }
      if (attempt.write(part)) return true
      this.#blocked = true
      return false
    } catch {
      this.#unwritable()
      return true
    }
  }

  end(trailers: readonly string[] = none): void {
    if (this.#over || this.#ended) return
    this.#ended = true
    this.#trailers = trailers
    if (this.#attempt === undefined || this.#awaitsTunnel || this.#body?.drained === false) return
    this.#endAttempt(this.#attempt)
  }

  /** A tunnel was asked for and not answered: nothing may be written yet. */
  get #awaitsTunnel(): boolean {
    return this.request.upgrade !== '' && this.#status === 0
  }

  pauseBody(): void {
    if (this.#over) return
    this.#bodyPaused = true
    this.#attempt?.pauseBody()
  }

  resumeBody(): void {
    if (this.#over || !this.#bodyPaused) return
    this.#bodyPaused = false
    this.#heardAt = this.#cluster.clock.monotonic()
    this.#attempt?.resumeBody()
  }

  abort(): void {
    if (this.#over) return
    const attempt = this.#attempt
    this.#leave()
    this.#finishAttempt(this.#status === 0 ? outcomes.aborted : this.#status)
    this.#finish()
    attempt?.abort()
  }

  /** The cluster's: looks for a host. Every outcome comes in a later turn. */
  begin(): void {
    const { deadline } = this.request
    const now = this.#cluster.clock.monotonic()
    if (deadline < Infinity && now >= deadline) this.#failSoon('deadline', 'no time was left')
    else this.#choose(now)
  }

  /** Ends at once: the cluster does not take it. */
  refuse(kind: UpstreamFailure['kind'], reason: string): void {
    this.#failSoon(kind, reason)
  }

  /** Ends with a failure in a later turn. */
  #failSoon(kind: UpstreamFailure['kind'], reason: string): void {
    queueMicrotask(() => {
      if (!this.#over) this.#fail(fault(kind, reason, true))
    })
  }

  #choose(now: number): void {
    const cluster = this.#cluster
    const balancer = cluster.balancer
    const host = this.fresh ? this.host : cluster.pick(this.request.hash, this.#tried)
    if (host === undefined) {
      if (cluster.awaitHosts(this)) this.#arm(now)
      else this.#failSoon('no-host', cluster.emptyReason)
      return
    }
    this.host = host
    this.attempts++
    this.#counted = true
    this.#balancer = balancer
    this.#startedAt = now
    this.#headAt = 0
    host.active++
    balancer.started(host)
    const pool = cluster.poolOf(host, this.request)
    this.#pool = pool
    if (!pool.take(this)) {
      this.#pool = undefined
      this.#finishAttempt(outcomes.aborted)
      this.#failSoon('overflow', 'too many requests wait for a connection')
    } else if (this.#attempt === undefined || !this.#ended) this.#arm(now)
  }

  // The pool's side

  headMs(): number {
    const { attemptMs, deadline } = this.request
    if (deadline === Infinity) return attemptMs
    return Math.min(attemptMs, Math.max(0, deadline - this.#cluster.clock.monotonic()))
  }

  onAttempt(attempt: Attempt): void {
    this.#attempt = attempt
    if (this.#over) {
      attempt.abort()
      return
    }
    // It has become a tunnel, into which nothing was written yet.
    if (this.#pool === undefined) return
    this.#pool = undefined
    this.fresh = false
    if (this.#awaitsTunnel) {
      this.#awaitHead(attempt)
      return
    }
    this.#body?.rewind()
    this.#sendBody(attempt, this.#body)
  }

  onPoolEnded(): void {
    this.#pool = undefined
    this.attempts--
    this.fresh = false
    this.#finishAttempt(outcomes.aborted)
    this.#choose(this.#cluster.clock.monotonic())
  }

  /** Gives the attempt what is held, as far as it takes it now, and the end behind the last of it. */
  #sendBody(attempt: Attempt, body: RequestBody | undefined): void {
    let open = true
    if (body !== undefined) {
      try {
        while (open && this.#attempt === attempt) {
          const part = body.next()
          if (part === undefined) break
          open = attempt.write(part)
        }
      } catch {
        this.#unwritable()
        return
      }
      // Writing can show that the connection has broken.
      if (this.#attempt !== attempt || !body.drained) return
      body.trim()
    }
    if (this.#ended) this.#endAttempt(attempt)
    else if (open && this.#blocked) {
      this.#blocked = false
      queueMicrotask(() => {
        if (!this.#over) this.#handler.onWritable(this)
      })
    }
  }

  #endAttempt(attempt: Attempt): void {
    if (this.request.bodyLength !== 0 || this.request.upgrade !== '') {
      try {
        attempt.end(this.#trailers)
      } catch {
        this.#unwritable()
        return
      }
    }
    this.#awaitHead(attempt)
  }

  /** The request is whole: from now on the attempt's time runs. */
  #awaitHead(attempt: Attempt): void {
    const { attemptMs } = this.request
    if (attempt.timed || this.#status !== 0) return
    const now = this.#cluster.clock.monotonic()
    this.#wait = waits.head
    this.#waitUntil = now + attemptMs
    this.#arm(now)
  }

  /** The caller's body or trailers do not fit the head: the message cannot be completed. */
  #unwritable(): void {
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.abort()
    this.#finishAttempt(outcomes.aborted)
    this.#fail(fault('protocol', 'the request cannot be written for the upstream'))
  }

  onAttemptInformational(status: number, headers: readonly string[]): void {
    if (!this.#over) this.#handler.onInformational(this, status, headers)
  }

  onAttemptHead(status: number, headers: readonly string[], bodyLength: number): void {
    if (this.#over) return
    const now = this.#cluster.clock.monotonic()
    this.#headAt = now
    const { retry } = this.request
    if (retry?.codes[status] === 1 && this.#retryStatus(retry, status, headers, bodyLength)) return
    this.#processed = true
    this.#cluster.record(this.host as Host, status)
    this.#status = status
    this.#tunnel = status === 101
    if (!this.#tunnel) this.#body?.clear()
    this.#wait = waits.nothing
    this.#waitUntil = Infinity
    const { idleMs } = this.request
    if (this.#attempt?.timed === false && idleMs < Infinity && !this.#tunnel) {
      this.#wait = waits.body
      this.#heardAt = now
      this.#waitUntil = now + idleMs
      this.#arm(now)
    } else if (this.#timer !== undefined) this.#disarm()
    this.#handler.onResponse(this, status, headers, bodyLength)
    // What was written before the tunnel stood.
    if (status === 101 && this.#attempt !== undefined) this.#sendBody(this.#attempt, this.#body)
  }

  onAttemptBody(chunk: Buffer): void {
    if (this.#over) return
    if (this.#wait === waits.body) this.#heardAt = this.#cluster.clock.monotonic()
    this.#handler.onBody(this, chunk)
  }

  onAttemptEnd(trailers: readonly string[]): void {
    if (this.#over) return
    this.#attempt = undefined
    this.#finishAttempt(this.#status)
    this.#finish()
    this.#handler.onEnd(this, trailers)
  }

  onAttemptWritable(): void {
    const attempt = this.#attempt
    if (this.#over || attempt === undefined) return
    if (this.#body?.drained === false) {
      this.#sendBody(attempt, this.#body)
      return
    }
    this.#blocked = false
    if (!this.#ended) this.#handler.onWritable(this)
  }

  onAttemptFault(found: AttemptFault): void {
    if (this.#over) return
    this.#pool = undefined
    this.#attempt = undefined
    if (!found.unprocessed) this.#processed = true
    const late = found.kind === 'attempt-timeout' && this.#isLate()
    const why = late ? fault('deadline', 'the time of the whole request is over') : found
    // What never left says nothing about the host.
    const ours = found.kind === 'protocol' && found.unprocessed
    const outcome = ours || found.stale ? outcomes.aborted : outcomeOf(why.kind)
    this.#cluster.record(this.host as Host, outcome)
    this.#finishAttempt(outcome)
    if (this.#status !== 0 || late || ours || !this.#repeats(found)) this.#fail(why)
  }

  onTimer(): void {
    if (this.#over) return
    const now = this.#cluster.clock.monotonic()
    if (this.#status === 0 && now >= this.request.deadline) {
      this.#expire('deadline', 'the time of the whole request is over')
      return
    }
    if (this.#wait === waits.body) {
      const { idleMs } = this.request
      // While it is paused the silence is ours.
      this.#waitUntil = (this.#bodyPaused ? now : this.#heardAt) + idleMs
    }
    if (now < this.#waitUntil) {
      this.#arm(now)
      return
    }
    const wait = this.#wait
    this.#wait = waits.nothing
    this.#waitUntil = Infinity
    this.#arm(now)
    if (wait === waits.backoff) this.#choose(now)
    else if (wait === waits.head) {
      this.#dropAttempt()
      this.onAttemptFault(fault('attempt-timeout', 'no response head in time'))
    } else if (wait === waits.body) {
      this.#dropAttempt()
      this.onAttemptFault(fault('idle', 'its response fell silent'))
    }
  }

  #expire(kind: UpstreamFailure['kind'], reason: string): void {
    const sent = this.#attempt !== undefined
    this.#leave()
    this.#dropAttempt()
    if (sent) {
      this.#processed = true
      this.#cluster.record(this.host as Host, outcomes.timeout)
    }
    this.#finishAttempt(sent ? outcomes.timeout : outcomes.aborted)
    this.#fail(fault(kind, reason))
  }

  #dropAttempt(): void {
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.abort()
  }

  /** The wheel tells up to a tick late, never early. */
  #isLate(): boolean {
    const { deadline } = this.request
    return deadline < Infinity && this.#cluster.clock.monotonic() >= deadline
  }

  // Repeating

  get #repeatable(): boolean {
    return isIdempotent(this.request.method) || this.request.retry?.evenUnsafe === true
  }

  /** After a fault without a response; true when another attempt follows. */
  #repeats(found: AttemptFault): boolean {
    const { unprocessed, stale, kind } = found
    if (this.#body?.whole === false) return false
    if (stale && !this.#cured && (unprocessed || isIdempotent(this.request.method))) {
      this.#cured = true
      this.fresh = true
      this.#again(0)
      return true
    }
    this.#exclude()
    const { retry } = this.request
    if (retry !== undefined && this.#retries < retry.attempts) {
      if (!unprocessed && !this.#repeatable) return false
      return this.#retry(this.#backoff(retry))
    }
    if (!unprocessed || this.#repeated) return false
    // Nobody asked for retries: once, and a host that refuses connections is not asked twice.
    this.#repeated = true
    if (kind === 'connect' && !this.#cluster.hasOther(this.#tried)) return false
    if (!this.#acquire()) return false
    this.#again(0)
    return true
  }

  /** Whether the response is dropped and the request sent again. */
  #retryStatus(
    retry: RetryPlan,
    status: number,
    headers: readonly string[],
    bodyLength: number,
  ): boolean {
    if (this.#retries >= retry.attempts || this.request.upgrade !== '') return false
    if (!this.#repeatable || this.#body?.whole === false) return false
    const { clock, random } = this.#cluster
    let delay = this.#backoff(retry)
    const asked = fieldOf(headers, 'retry-after')
    if (asked !== '') {
      const wanted = retryAfterDelay(asked, clock.now(), random)
      if (wanted === undefined) return false
      delay = Math.max(delay, wanted)
    }
    const attempt = this.#attempt
    if (!this.#retry(delay, () => this.#give(status))) return false
    attempt?.discard(bodyLength)
    return true
  }

  /** The attempt has had its answer, which nobody else gets. */
  #give(status: number): void {
    this.#attempt = undefined
    this.#processed = true
    this.#cluster.record(this.host as Host, status)
    this.#finishAttempt(status)
    this.#exclude()
  }

  #backoff(retry: RetryPlan): number {
    const base = retry.backoffMs > 0 ? retry.backoffMs : backoffMs
    return retryDelay(this.#retries + 1, base, retry.backoffMs, this.#cluster.random)
  }

  /** Takes a planned retry when there is time and budget for it; `before` is done first then. */
  #retry(delay: number, before?: () => void): boolean {
    if (this.#cluster.clock.monotonic() + delay >= this.request.deadline) return false
    if (!this.#acquire()) return false
    before?.()
    this.#retries++
    this.#again(delay)
    return true
  }

  #acquire(): boolean {
    this.#budget?.release()
    this.#budget = this.#cluster.takeRetry()
    return this.#budget !== undefined
  }

  #exclude(): void {
    this.#tried ??= []
    const host = this.host as Host
    if (!this.#tried.includes(host)) this.#tried.push(host)
  }

  #again(delay: number): void {
    const now = this.#cluster.clock.monotonic()
    if (delay <= 0) {
      this.#choose(now)
      return
    }
    this.#wait = waits.backoff
    this.#waitUntil = now + delay
    this.#arm(now)
  }

  // Ends

  /** Sets the timer to what comes first: the deadline, until the head is there, or the end of the wait. */
  #arm(now: number): void {
    const deadline = this.#status === 0 ? this.request.deadline : Infinity
    const due = Math.min(deadline, this.#waitUntil)
    if (due === Infinity) {
      this.#disarm()
      return
    }
    this.#timer ??= this.#cluster.timers.take(this)
    this.#timer.start(due - now)
  }

  #disarm(): void {
    const timer = this.#timer
    if (timer === undefined) return
    this.#timer = undefined
    this.#cluster.timers.give(timer)
  }

  /** Waits for nobody any longer. */
  #leave(): void {
    this.#pool?.leave(this)
    this.#pool = undefined
    this.#cluster.awaitsNoHosts(this)
  }

  #finishAttempt(outcome: AttemptOutcome): void {
    if (!this.#counted) return
    this.#counted = false
    const host = this.host as Host
    const at = this.#headAt === 0 ? this.#cluster.clock.monotonic() : this.#headAt
    host.active--
    this.#balancer?.finished(host, at - this.#startedAt, outcome)
  }

  #finish(): void {
    this.#over = true
    this.#disarm()
    this.#budget?.release()
    this.#budget = undefined
    this.#body = undefined
    this.#cluster.callOver()
  }

  #fail(found: AttemptFault): void {
    const responded = this.#status !== 0
    const { kind, reason } = found
    this.#finish()
    this.#handler.onFailure(this, { kind, reason, responded, processed: this.#processed })
  }
}

function fieldOf(headers: readonly string[], name: string): string {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] === name) return headers[i + 1] as string
  }
  return ''
}
