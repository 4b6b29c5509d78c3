import { crc32 } from '@tidemill/core'
import { bucketCount } from '../migrations.ts'
import type { StepDirection } from '../step.ts'

/** `saga` as it lies in the table. */
export interface SagaRow {
  readonly saga_id: string
  readonly type: string
  readonly def_version: number
  readonly tenant: string
  readonly biz_key: string
  readonly seq: number
  readonly status: 'running' | 'compensating' | 'completed' | 'compensated' | 'cancelled'
  readonly state_version: number
  readonly data: string
  readonly reason: string | null
  readonly ends_as: 'compensated' | 'cancelled' | null
  readonly stuck: string | null
  /** 1 when another saga of the key waits for the end of this one. */
  readonly waited: number
  readonly deadline_at: number | null
  readonly created_at: number
  readonly updated_at: number
  readonly ended_at: number | null
}

/** What became of a step: its participant did or refused it, or a person gave it up. */
export type StepOutcome = 'done' | 'rejected' | 'discarded'

/** `local_msg` as it lies in the table. */
export interface MessageRow {
  readonly id: number
  readonly tenant: string
  readonly saga_id: string
  readonly def: string
  readonly biz_key: string
  readonly step: string
  readonly direction: number
  readonly seq: number
  readonly dest: string
  readonly payload: string | null
  readonly status: number
  readonly attempts: number
  readonly unanswered: number
  readonly next_at: number
  readonly lease_owner: string | null
  readonly lease_fence: number
  readonly outcome: StepOutcome | null
  readonly result: string | null
  readonly last_error: string | null
  readonly created_at: number
  readonly done_at: number | null
}

export const messageStatus = {
  pending: 0,
  acked: 1,
  compensated: 2,
  dead: 3,
  cancelled: 4,
} as const

export function directionCode(direction: StepDirection): 1 | 2 {
  return direction === 'action' ? 1 : 2
}

export function directionName(code: number): StepDirection {
  return code === 1 ? 'action' : 'compensate'
}

/** All messages of a business key share a bucket, and a bucket has one owner: that is what gives order per key. */
export function bucketOf(bizKey: string): number {
  return crc32(Buffer.from(bizKey)) % bucketCount
}

/** A lease outlives the attempt's timeout by this much, so that the answer to a slow attempt can still be written. */
const leaseGraceMs = 10_000

/** How long the lease of a message to that step lasts. */
export function leaseMsOf(step: { readonly timeoutMs: number }): number {
  return step.timeoutMs + leaseGraceMs
}

/** How long a message that waits for its turn sleeps when nothing wakes it; its predecessor's end does. */
export const turnRecheckMs = 60_000

/** The first nine characters of the id of a saga that was started at that time; they sort as time does. */
export function timePrefix(now: number): string {
  return now.toString(36).padStart(9, '0')
}
