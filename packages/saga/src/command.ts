import type { Json, StepDirection } from './step.ts'

/** Identity of one delivery: the message's unique key and the fence of the lease under which it is delivered. */
export interface MessageKey {
  readonly tenant: string
  readonly bizKey: string
  readonly step: string
  readonly direction: StepDirection
  /** Which saga of this business key it is. */
  readonly seq: number
  /** 0 stands for "whoever holds it": used by answers that arrive from outside. */
  readonly fence: number
  /** The saga's state_version as far as the holder knows it; 0 makes the transition read it. */
  readonly version: number
}

/** A saga's next message, leased to whoever commits it. */
export interface NextMessage {
  readonly step: string
  readonly direction: StepDirection
  readonly fence: number
  readonly version: number
  /** Counts from 1. */
  readonly attempt: number
}

/** A message leased to the process that reads this: it may deliver it until the lease ends. Plain data. */
export interface Message extends MessageKey {
  readonly sagaId: string
  /** `type/version` of the saga's definition. */
  readonly definition: string
  readonly attempt: number
}

/** One transition of one saga. Made by the dispatcher and by `Sagas`; plain data. */
export type SagaCommand =
  | { readonly do: 'start'; readonly bizKey: string; readonly tenant: string; readonly input: Json }
  | {
      readonly do: 'answer'
      readonly sagaId: string
      readonly message: MessageKey
      readonly outcome: 'done' | 'rejected'
      /** JSON text, or null for no result. */
      readonly result: string | null
      readonly reason: string | null
      readonly attempt: number
    }
  | {
      readonly do: 'fail'
      readonly sagaId: string
      readonly message: MessageKey
      readonly error: string
      /** Milliseconds until the next attempt. */
      readonly delayMs: number
      readonly attempt: number
      /** `busy` counts no attempt; `bury` gives up at once: the message becomes a dead letter. */
      readonly as: 'unknown' | 'busy' | 'bury'
    }
  | { readonly do: 'expire'; readonly sagaId: string }
  | { readonly do: 'compensate'; readonly sagaId: string; readonly reason: string }
  | {
      readonly do: 'discard'
      readonly sagaId: string
      readonly id: number
      readonly reason: string
    }

export interface Started {
  readonly sagaId: string
  /** True when this key was started before with the same input; then nothing was written. */
  readonly existing: boolean
  /** Give it to `Sagas.deliver` after the commit; if nobody does, the dispatcher finds the message later. */
  readonly messages: readonly StartedMessage[]
}

/** A first message together with what its request says. */
export interface StartedMessage extends Message {
  readonly payload: Json
}

/** What a transition did. Small, because it crosses threads once per transition: what is absent did not happen. */
export interface SagaOutcome {
  /** False when the command came too late (old fence, saga ended) and changed nothing. */
  readonly applied: boolean
  readonly sagaId: string
  /** Set when this command ended the saga. */
  readonly ended?: 'completed' | 'compensated' | 'cancelled'
  /** True when this command made the saga stuck. */
  readonly stuck?: boolean
  /** The saga's next message, leased to the caller. */
  readonly next?: NextMessage
  /** True when there are messages for a dispatcher to find. */
  readonly wake?: boolean
  /** Set by `start`. */
  readonly started?: Started
}
