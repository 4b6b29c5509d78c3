import type { Socket } from 'node:net'
import { gatewayErrors } from '../errors.ts'

/** What one side may say: events by name, and calls by name with what is asked and answered. */
export interface Messages {
  readonly events: object
  readonly calls: object
}

type Name<T> = keyof T & string
type Asked<T> = T extends { readonly ask: infer A } ? A : never
type Answered<T> = T extends { readonly answer: infer A } ? A : never

type Frame =
  | readonly ['event', string, unknown]
  | readonly ['ask', number, string, unknown]
  | readonly ['answer', number, unknown]
  | readonly ['fault', number, string]

/** How frames go to the other side; a handle goes with its frame. Never throws. */
export type Transmit = (frame: unknown, handle?: Socket) => void

interface Waiting {
  readonly resolve: (body: never) => void
  readonly reject: (error: Error) => void
}

/**
 * Typed events and calls over an ordered message channel between two processes. What the other side does not know is
 * dropped; a call that nobody answers ends with TM_GATEWAY_WORKER_LOST when the channel is lost.
 */
export class Channel<Out extends Messages, In extends Messages> {
  readonly #transmit: Transmit
  readonly #onEvent = new Map<string, (body: never, handle: Socket | undefined) => void>()
  readonly #onAsk = new Map<string, (body: never) => unknown>()
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #lost = false

  constructor(transmit: Transmit) {
    this.#transmit = transmit
  }

  event<K extends Name<Out['events']>>(name: K, body: Out['events'][K], handle?: Socket): void {
    if (!this.#lost) this.#transmit(['event', name, body] satisfies Frame, handle)
  }

  ask<K extends Name<Out['calls']>>(
    name: K,
    body: Asked<Out['calls'][K]>,
  ): Promise<Answered<Out['calls'][K]>> {
    return new Promise((resolve, reject) => {
      if (this.#lost) {
        reject(lostError())
        return
      }
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      this.#transmit(['ask', id, name, body] satisfies Frame)
    })
  }

  /** One listener for each name. */
  onEvent<K extends Name<In['events']>>(
    name: K,
    listener: (body: In['events'][K], handle: Socket | undefined) => void,
  ): void {
    this.#onEvent.set(name, listener)
  }

  onAsk<K extends Name<In['calls']>>(
    name: K,
    answer: (
      body: Asked<In['calls'][K]>,
    ) => Answered<In['calls'][K]> | Promise<Answered<In['calls'][K]>>,
  ): void {
    this.#onAsk.set(name, answer)
  }

  /** A message of the other side. */
  receive(message: unknown, handle?: Socket): void {
    if (!Array.isArray(message)) return
    const frame = message as unknown as Frame
    switch (frame[0]) {
      case 'event':
        this.#onEvent.get(frame[1])?.(frame[2] as never, handle)
        break
      case 'ask':
        void this.#answer(frame[1], frame[2], frame[3])
        break
      case 'answer':
        this.#take(frame[1])?.resolve(frame[2] as never)
        break
      case 'fault':
        this.#take(frame[1])?.reject(new Error(frame[2]))
        break
      default:
        break
    }
  }

  /** The other side is gone. */
  lose(): void {
    this.#lost = true
    for (const { reject } of this.#waiting.values()) reject(lostError())
    this.#waiting.clear()
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  async #answer(id: number, name: string, body: unknown): Promise<void> {
    try {
      const answer = await this.#onAsk.get(name)?.(body as never)
      this.#transmit(['answer', id, answer ?? null] satisfies Frame)
    } catch (error) {
      this.#transmit(['fault', id, (error as Error).message] satisfies Frame)
    }
  }
}

function lostError(): Error {
  return gatewayErrors.error('TM_GATEWAY_WORKER_LOST')
}
