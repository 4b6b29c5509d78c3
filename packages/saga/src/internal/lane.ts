import type { SagaDefinition, StepDefinition } from '../definition.ts'
import type { Message } from '../command.ts'
import type { Destination, Json, StepRequest } from '../step.ts'

/** One leased message on its way. */
export interface Delivery {
  readonly message: Message
  readonly definition: SagaDefinition
  readonly step: StepDefinition
  readonly request: StepRequest
  /** The saga's input, which the next message's request carries even when this one's was edited. */
  readonly input: Json
  /** On the monotonic clock: later than this it is not sent, because its lease may end under way. */
  readonly sendBefore: number
  /** Runs while nothing else does. */
  readonly isolated: boolean
  /** Set once the attempt has an outcome; what comes later is ignored. */
  over: boolean
  /** On the monotonic clock. */
  timeoutAt: number
  abort: AbortController | null
}

const failuresToOpen = 5
const shortestOpenMs = 500
const longestOpenMs = 30_000

/** One destination: its queue, how much is under way, and its circuit. */
export class Lane {
  readonly name: string
  readonly handler: Destination
  /** Keys of the definitions that have steps here. */
  readonly definitions: readonly string[]
  readonly queue: Delivery[] = []
  inFlight = 0
  #head = 0
  #failures = 0
  #openings = 0
  #openUntil = 0
  #probing = false

  constructor(name: string, handler: Destination, definitions: readonly string[]) {
    this.name = name
    this.handler = handler
    this.definitions = definitions
  }

  get queued(): number {
    return this.queue.length - this.#head
  }

  push(delivery: Delivery): void {
    this.queue.push(delivery)
  }

  shift(): Delivery | undefined {
    const delivery = this.queue[this.#head]
    if (delivery === undefined) return undefined
    this.#head++
    if (this.#head === this.queue.length || this.#head > 1024) {
      this.queue.splice(0, this.#head)
      this.#head = 0
    }
    return delivery
  }

  circuit(now: number): 'closed' | 'open' | 'half-open' {
    if (this.#openings === 0) return 'closed'
    return now < this.#openUntil ? 'open' : 'half-open'
  }

  /** Milliseconds until a probe may go out; 0 when something may be sent now. */
  waitMs(now: number): number {
    if (this.#openings === 0) return 0
    if (now < this.#openUntil) return this.#openUntil - now
    return this.#probing ? shortestOpenMs : 0
  }

  began(): void {
    this.inFlight++
    if (this.#openings > 0) this.#probing = true
  }

  /** The destination answered, whatever it said. */
  answered(): void {
    this.inFlight--
    this.#failures = 0
    this.#openings = 0
    this.#probing = false
  }

  /** The destination did not answer. Opens the circuit at the fifth time in a row, for twice as long each time. */
  failed(now: number): void {
    this.inFlight--
    this.#failures++
    const probed = this.#probing
    this.#probing = false
    if (this.#failures < failuresToOpen) return
    if (!probed && this.#openings > 0 && now < this.#openUntil) return
    this.#openUntil = now + Math.min(longestOpenMs, shortestOpenMs * 2 ** this.#openings)
    this.#openings = Math.min(this.#openings + 1, 16)
  }
}
