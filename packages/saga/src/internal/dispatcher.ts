import { channel } from 'node:diagnostics_channel'
import type { Clock, Logger, Random, Timer } from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import type { Message, SagaCommand, SagaOutcome, StartedMessage } from '../command.ts'
import type { SagaDefinition } from '../definition.ts'
import { sagaErrors } from '../errors.ts'
import { sagaText } from '../sql/text.ts'
import type { Destination, Json, StepAnswer, StepContext } from '../step.ts'
import { AttemptTimeouts } from './attempt-timeouts.ts'
import { account, createCounters, type DispatcherCounters } from './counters.ts'
import { claimMessages, parkMessages, type Route } from './dispatch-procedures.ts'
import { parseJson } from './json.ts'
import { type Delivery, Lane } from './lane.ts'
import { messageAfter, type SagaKey } from './message.ts'
import { leaseMsOf } from './row.ts'
import {
  longestRetryAfterMs,
  refusalOf,
  textOf,
  verdictOfAnswer,
  verdictOfError,
} from './verdict.ts'

export interface DispatcherOptions {
  readonly database: Database
  readonly definitions: ReadonlyMap<string, SagaDefinition>
  readonly destinations: Readonly<Record<string, Destination>>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly owner: string
  readonly maxInFlight: number
  readonly perDestination: number
  readonly queueLimit: number
  readonly sweepMs: number
  readonly isolateAfter: number
  readonly deadAfter: number
}

const nothing = (): void => undefined

/** Stop sending this long before a lease ends. */
const leaseMarginMs = 2000

const attemptChannel = channel('tidemill:saga:attempt')

/**
 * Delivers leased messages and writes their answers. What it holds in memory may be lost at any moment: every message
 * is a row with a lease that the sweep of some dispatcher finds again.
 */
export class Dispatcher {
  readonly counters: DispatcherCounters = createCounters()
  readonly lanes: Map<string, Lane> = new Map()
  /** Rows dated later than this from now can only come from a clock that was ahead. */
  readonly horizonMs: number
  readonly #options: DispatcherOptions
  readonly #leaseMs: number
  readonly #timeouts: AttemptTimeouts
  readonly #isolated: Delivery[] = []
  /** Every destination with every definition that has steps there. */
  readonly routes: readonly Route[]
  /** Calls that close() must not leave behind: claims, and leases that are given back. */
  readonly #calls: Set<Promise<unknown>> = new Set()
  #alone = false
  /** Under way, from the send until the answer is written. */
  #inFlight = 0
  #queued = 0
  #stopped = false
  #sweeping = false
  #sweepAgain = false
  /** The last claim left due messages in the table. */
  #more = false
  #turn = 0
  #timer: Timer | null = null
  #timerAt = Infinity
  #quietWaiters: (() => void)[] = []
  #checkingQuiet = false
  /** Other dispatchers are alive. */
  shared = false
  onOwnedNothing: () => void = () => undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    for (const [name, handler] of Object.entries(options.destinations)) {
      const here = [...options.definitions.values()]
        .filter((definition) => definition.steps.some((step) => step.to === name))
        .map((definition) => definition.key)
      this.lanes.set(name, new Lane(name, handler, here))
    }
    this.routes = [...this.lanes.values()].flatMap((lane) =>
      lane.definitions.map((key): Route => [lane.name, key]),
    )
    const steps = [...options.definitions.values()].flatMap((definition) => definition.steps)
    this.#leaseMs = Math.max(0, ...steps.map(leaseMsOf))
    const longestWaitMs = Math.max(longestRetryAfterMs, ...steps.map((step) => step.retry.capMs))
    this.horizonMs = this.#leaseMs + longestWaitMs + 60_000
    this.#timeouts = new AttemptTimeouts(options.clock, (delivery) => this.#timedOut(delivery))
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#queued
  }

  deliverStarted({ payload, ...message }: StartedMessage): void {
    this.#enqueue(message, payload, undefined, {}, false)
  }

  /**
   * Runs a transition that no delivery asked for. The saga's next message is given back to the table: its request has
   * to be read from there.
   */
  async transition(
    definition: SagaDefinition,
    saga: SagaKey,
    command: SagaCommand,
  ): Promise<boolean> {
    const outcome = await this.#options.database.call(definition, command)
    account(outcome, this.counters, this.#options.logger)
    if (outcome.next !== undefined) {
      const { sagaId, tenant, bizKey, seq } = saga
      const key = { sagaId, tenant, bizKey, seq, definition: definition.key }
      this.#park([{ ...key, ...outcome.next }], 0)
    } else if (outcome.wake === true) {
      this.#armSweep(0)
    }
    return outcome.applied
  }

  /** Says that there may be something due. */
  poke(): void {
    this.#armSweep(0)
  }

  #enqueue(
    message: Message,
    input: Json,
    payload: Json | undefined,
    results: Readonly<Record<string, Json>>,
    isolated: boolean,
  ): void {
    const definition = this.#options.definitions.get(message.definition)
    const step = definition?.steps.find((candidate) => candidate.name === message.step)
    const lane = step === undefined ? undefined : this.lanes.get(step.to)
    if (definition === undefined || step === undefined || lane === undefined) {
      this.#park([message], 0)
      return
    }
    const { clock, queueLimit } = this.#options
    if (this.#stopped || this.#queued >= queueLimit) {
      this.#park([message], this.#stopped ? 0 : 1000)
      return
    }
    const delivery: Delivery = {
      message,
      definition,
      step,
      request: {
        sagaId: message.sagaId,
        type: definition.type,
        tenant: message.tenant,
        bizKey: message.bizKey,
        step: message.step,
        direction: message.direction,
        attempt: message.attempt,
        payload: payload === undefined ? input : payload,
        results,
      },
      input,
      sendBefore: clock.monotonic() + leaseMsOf(step) - leaseMarginMs - step.timeoutMs,
      isolated,
      over: false,
      timeoutAt: 0,
      abort: null,
    }
    this.#queued++
    if (isolated) {
      this.#isolated.push(delivery)
      this.#pumpAll()
    } else {
      lane.push(delivery)
      this.#pump(lane)
    }
  }

  #pumpAll(): void {
    while (this.#isolated.length > 0 && this.#inFlight === 0) {
      const delivery = this.#isolated.shift()
      const lane = delivery === undefined ? undefined : this.lanes.get(delivery.step.to)
      if (delivery === undefined || lane === undefined) return
      this.#queued--
      this.#alone = this.#sendInTime(lane, delivery)
    }
    // Another begins each time: the last ones would never get a place otherwise while the first ones are busy.
    const lanes = [...this.lanes.values()]
    const first = this.#turn++
    for (let i = 0; i < lanes.length; i++) this.#pump(lanes[(first + i) % lanes.length] as Lane)
  }

  #pump(lane: Lane): void {
    const { clock, maxInFlight, perDestination } = this.#options
    while (
      lane.queued > 0 &&
      lane.inFlight < perDestination &&
      this.#inFlight < maxInFlight &&
      this.#isolated.length === 0 &&
      !this.#alone
    ) {
      const now = clock.monotonic()
      const waitMs = lane.waitMs(now)
      if (waitMs > 0) {
        this.#parkLane(lane, waitMs)
        return
      }
      const delivery = lane.shift()
      if (delivery === undefined) return
      this.#queued--
      this.#sendInTime(lane, delivery)
    }
  }

  /** False when too little of its lease is left: a sweep claims it again then, with a new fence. */
  #sendInTime(lane: Lane, delivery: Delivery): boolean {
    const inTime = this.#options.clock.monotonic() <= delivery.sendBefore
    if (inTime) this.#send(lane, delivery)
    else this.#park([delivery.message], 0)
    return inTime
  }

  #parkLane(lane: Lane, delayMs: number): void {
    const messages: Message[] = []
    for (let held = lane.shift(); held !== undefined; held = lane.shift()) {
      this.#queued--
      messages.push(held.message)
    }
    this.#park(messages, delayMs)
  }

  #park(messages: readonly Message[], delayMs: number): void {
    if (messages.length === 0) return
    this.counters.parked += messages.length
    const parked = this.#options.database.call(parkMessages, { messages, delayMs }).then(
      () => this.#armSweep(delayMs + 1),
      (error: unknown) => this.#complain('messages were not given back', error),
    )
    this.#track(parked)
  }

  #track(call: Promise<void>): void {
    this.#calls.add(call)
    void call.then(() => this.#calls.delete(call))
  }

  #send(lane: Lane, delivery: Delivery): void {
    lane.began()
    this.#inFlight++
    this.counters.attempts++
    this.#timeouts.add(delivery)
    const context: StepContext = {
      // Most in-process participants never look at it, so it is made when asked for.
      get signal() {
        delivery.abort ??= new AbortController()
        if (delivery.over) delivery.abort.abort()
        return delivery.abort.signal
      },
      timeoutMs: delivery.step.timeoutMs,
    }
    let answer: Promise<StepAnswer>
    try {
      answer = lane.handler(delivery.request, context)
    } catch (error) {
      answer = Promise.reject(error)
    }
    Promise.resolve(answer).then(
      (value) => this.#answered(lane, delivery, value),
      (error: unknown) => this.#failed(lane, delivery, error),
    )
  }

  #answered(lane: Lane, delivery: Delivery, answer: StepAnswer): void {
    if (!this.#isOver(delivery)) return
    lane.answered()
    this.#write(lane, delivery, verdictOfAnswer(delivery, answer, this.#options))
  }

  #failed(lane: Lane, delivery: Delivery, error: unknown): void {
    const refusal = refusalOf(delivery, error)
    if (refusal !== undefined) {
      this.#answered(lane, delivery, refusal)
      return
    }
    if (!this.#isOver(delivery)) return
    lane.failed(this.#options.clock.monotonic())
    this.#write(lane, delivery, verdictOfError(delivery, error, this.#options))
  }

  #timedOut(delivery: Delivery): void {
    const lane = this.lanes.get(delivery.step.to)
    if (lane === undefined || delivery.over) return
    const error = sagaErrors.error('TM_SAGA_ATTEMPT_TIMEOUT', {
      to: delivery.step.to,
      step: delivery.step.name,
      ms: delivery.step.timeoutMs,
    })
    delivery.abort?.abort(error)
    this.#failed(lane, delivery, error)
  }

  /** Marks the attempt as decided; false when it was already, so that a late answer changes nothing. */
  #isOver(delivery: Delivery): boolean {
    if (delivery.over) {
      this.counters.late++
      return false
    }
    delivery.over = true
    this.#timeouts.remove(delivery)
    return true
  }

  #write(lane: Lane, delivery: Delivery, command: SagaCommand): void {
    if (command.do === 'fail') {
      if (command.as === 'bury') this.counters.dead++
      if (command.as !== 'busy') this.counters.failures++
    }
    if (attemptChannel.hasSubscribers)
      attemptChannel.publish({ request: delivery.request, command })
    this.#options.database.call(delivery.definition, command).then(
      (outcome) => {
        this.#inFlight--
        this.#written(delivery, command, outcome)
        this.#released(lane)
      },
      (error: unknown) => {
        // The lease ends by itself and the attempt is repeated; the barrier makes that harmless.
        this.#inFlight--
        this.#complain(`the outcome of ${delivery.step.name} was not written`, error)
        this.#released(lane)
      },
    )
    // The destination is free although the answer is still being written.
    this.#pump(lane)
  }

  #written(delivery: Delivery, command: SagaCommand, outcome: SagaOutcome): void {
    account(outcome, this.counters, this.#options.logger)
    const { next } = outcome
    if (next !== undefined) {
      let { results } = delivery.request
      if (command.do === 'answer' && command.outcome === 'done' && command.result !== null) {
        if (command.message.direction === 'action') {
          results = { ...results, [delivery.step.name]: parseJson(command.result) }
        }
      }
      const { message } = delivery
      this.#enqueue(messageAfter(message, next), delivery.input, undefined, results, false)
    } else if (outcome.wake === true) {
      this.#armSweep(0)
    } else if (command.do === 'fail' && outcome.applied) {
      this.#armSweep(command.delayMs + 1)
    }
  }

  #released(lane: Lane): void {
    const { maxInFlight, perDestination } = this.#options
    const alone = this.#alone
    this.#alone = false
    if (alone || this.#isolated.length > 0 || this.#inFlight === maxInFlight - 1) this.#pumpAll()
    else this.#pump(lane)
    if (this.#more && lane.inFlight + lane.queued <= perDestination / 2) this.#armSweep(0)
    if (this.#inFlight === 0 && this.#queued === 0) this.#quiet()
  }

  #armSweep(ms: number): void {
    if (this.#stopped) return
    if (this.#sweeping) {
      if (ms < this.#options.sweepMs) this.#sweepAgain = true
      return
    }
    const { clock } = this.#options
    const at = clock.monotonic() + ms
    if (at >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = clock.timer(ms, () => {
      this.#timer = null
      this.#timerAt = Infinity
      this.#track(this.sweep())
    })
  }

  /** Finds what is due: messages whose lease ended or whose wait is over, passed deadlines. Never gives up. */
  async sweep(): Promise<void> {
    if (this.#sweeping || this.#stopped) {
      this.#sweepAgain = this.#sweeping
      return
    }
    this.#sweeping = true
    this.#sweepAgain = false
    let nextMs = this.#options.sweepMs
    try {
      nextMs = Math.min(nextMs, await this.#claim())
    } catch (error) {
      this.#complain('the sweep failed', error)
    }
    this.#sweeping = false
    this.#armSweep(this.#sweepAgain ? 0 : nextMs)
    if (this.#inFlight === 0 && this.#queued === 0) this.#quiet()
  }

  async #claim(): Promise<number> {
    const { database, definitions, owner } = this.#options
    const { wanted, full } = this.#wanted()
    const found = await database.call(claimMessages, {
      owner,
      definitions: [...definitions.keys()],
      wanted,
      routes: this.routes,
      leaseMs: this.#leaseMs,
      isolateAfter: this.#options.isolateAfter,
      deadAfter: this.#options.deadAfter,
      shared: this.shared,
    })
    this.#more = found.more || full
    this.counters.claimed += found.claimed.length
    if (found.owned === 0) this.onOwnedNothing()
    for (const { message, input, payload, results, isolated } of found.claimed)
      this.#enqueue(message, input, payload, results, isolated)
    for (const message of found.poisoned) this.#bury(message)
    for (const { definition, ...saga } of found.expired) {
      const known = definitions.get(definition)
      if (known === undefined) continue
      const expired = this.transition(known, saga, { do: 'expire', sagaId: saga.sagaId })
      this.#track(
        expired.then(nothing, (error: unknown) =>
          this.#complain('a deadline was not written', error),
        ),
      )
    }
    return found.nextMs === null ? Infinity : found.nextMs + 1
  }

  /** What the destinations can take: as much again as may be under way, so that they never wait for a claim. */
  #wanted(): { wanted: [Route, number][]; full: boolean } {
    const { clock, maxInFlight, perDestination } = this.#options
    const now = clock.monotonic()
    const wanted: [Route, number][] = []
    let full = false
    const lanes = [...this.lanes.values()]
    const first = this.#turn++
    const room = 2 * maxInFlight - this.#inFlight - this.#queued
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(first + i) % lanes.length] as Lane
      if (lane.waitMs(now) > 0) continue
      const most = lane.circuit(now) === 'closed' ? 2 * perDestination : 1
      const limit = Math.min(room, most - lane.inFlight - lane.queued)
      if (limit <= 0) full = true
      else for (const key of lane.definitions) wanted.push([[lane.name, key], limit])
    }
    return { wanted, full }
  }

  #bury(message: Message): void {
    const definition = this.#options.definitions.get(message.definition)
    if (definition === undefined) return
    this.counters.dead++
    this.transition(definition, message, {
      do: 'fail',
      sagaId: message.sagaId,
      message,
      error: `claimed ${this.#options.deadAfter} times in a row without any answer`,
      delayMs: 0,
      attempt: message.attempt,
      as: 'bury',
    }).catch((error: unknown) => this.#complain('a dead letter was not written', error))
  }

  /** Resolves when nothing is pending in the database and nothing is under way here. */
  idle(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      this.#quietWaiters.push(resolve)
      if (this.#inFlight === 0 && this.#queued === 0) this.#quiet()
    })
  }

  #quiet(): void {
    if (this.#quietWaiters.length === 0 || this.#checkingQuiet) return
    this.#checkingQuiet = true
    const { database } = this.#options
    database.query(sagaText(database.dialect).anyPending).then(
      (rows) => {
        this.#checkingQuiet = false
        if (rows.length > 0 || this.#inFlight > 0 || this.#queued > 0) return
        for (const resolve of this.#quietWaiters.splice(0)) resolve()
      },
      (error: unknown) => {
        this.#checkingQuiet = false
        this.#complain('looking for pending messages failed', error)
      },
    )
  }

  /** Sends nothing more; what is queued is given back, what is under way may finish within `ms`. */
  async stop(ms: number): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const lane of this.lanes.values()) this.#parkLane(lane, 0)
    this.#park(
      this.#isolated.splice(0).map((delivery) => {
        this.#queued--
        return delivery.message
      }),
      0,
    )
    const { clock } = this.#options
    const end = clock.monotonic() + ms
    while (this.#inFlight > 0 && clock.monotonic() < end) await clock.sleep(Math.min(5, ms))
    for (const delivery of this.#timeouts.stop()) {
      // Its outcome stays unknown: the lease ends by itself and the attempt is repeated.
      delivery.over = true
      delivery.abort?.abort()
    }
    while (this.#calls.size > 0) await Promise.all(this.#calls)
    for (const resolve of this.#quietWaiters.splice(0)) resolve()
  }

  #complain(what: string, error: unknown): void {
    if (this.#stopped) return
    this.#options.logger.log('error', what, { error: textOf(error) })
  }
}
