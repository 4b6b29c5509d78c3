import { createHash } from 'node:crypto'
import { type Procedure, type Program, procedure, type Tx } from '@tidemill/sql'
import { shard, textsFor } from '../sql/texts.ts'

/** What the chain protects of one event, as it is stored. */
export interface HashedEvent {
  readonly pos: number
  readonly tenant: string
  readonly stream: string
  readonly version: number
  readonly id: Uint8Array
  readonly type: string
  readonly schemaVersion: number
  readonly data: string
  readonly meta: string
  readonly tsUs: number
}

export const chainStart: Uint8Array = new Uint8Array(32)

/** h(n) = SHA-256(h(n-1) | JSON array of the event's stored columns). */
export function chainHash(previous: Uint8Array, event: HashedEvent): Uint8Array {
  const canonical = JSON.stringify([
    event.pos,
    event.tenant,
    event.stream,
    event.version,
    Buffer.from(event.id).toString('hex'),
    event.type,
    event.schemaVersion,
    event.data,
    event.meta,
    event.tsUs,
  ])
  return createHash('sha256').update(previous).update(canonical).digest()
}

function* startChain(tx: Tx): Program<void> {
  yield* tx.run(textsFor(tx.dialect).startChain, chainStart, shard)
}

/** Chains every event from here on; does nothing when the chain runs already. */
export const startChainProcedure: Procedure<null, void> = procedure(
  import.meta.url,
  'startChainProcedure',
  startChain,
)
