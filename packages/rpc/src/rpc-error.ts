import { TidemillError } from '@tidemill/core'
import { rpcErrors, type RpcStatusErrorCode } from './errors.ts'
import { status, type StatusCode, type StatusName } from './status.ts'
import { Metadata } from './wire/metadata.ts'

/**
 * What is known about a call that failed:
 * - `unsent`: it never reached a handler; calling again is safe.
 * - `answered`: the server said so itself.
 * - `unknown`: it may have run, its answer is lost. Never repeated by the channel unless a retry policy says so.
 */
export type RpcOutcome = 'unsent' | 'answered' | 'unknown'

/** By number. OK is no error: whoever makes one of it is told UNKNOWN. */
const errorCodes: readonly RpcStatusErrorCode[] = [
  'TM_RPC_UNKNOWN',
  'TM_RPC_CANCELLED',
  'TM_RPC_UNKNOWN',
  'TM_RPC_INVALID_ARGUMENT',
  'TM_RPC_DEADLINE_EXCEEDED',
  'TM_RPC_NOT_FOUND',
  'TM_RPC_ALREADY_EXISTS',
  'TM_RPC_PERMISSION_DENIED',
  'TM_RPC_RESOURCE_EXHAUSTED',
  'TM_RPC_FAILED_PRECONDITION',
  'TM_RPC_ABORTED',
  'TM_RPC_OUT_OF_RANGE',
  'TM_RPC_UNIMPLEMENTED',
  'TM_RPC_INTERNAL',
  'TM_RPC_UNAVAILABLE',
  'TM_RPC_DATA_LOSS',
  'TM_RPC_UNAUTHENTICATED',
]

export interface RpcErrorOptions {
  readonly cause?: unknown
  /** Sent with the status as trailers (server); what came with it (client). */
  readonly metadata?: Metadata
  /** An encoded google.rpc.Status: `grpc-status-details-bin`. */
  readonly details?: Uint8Array | undefined
  readonly outcome?: RpcOutcome
}

/**
 * A status that is not OK. A handler throws it to answer with that status; a client's call rejects with it. `code` is
 * `TM_RPC_` and the name of the status, `text` the message that travels.
 */
export class RpcError extends TidemillError {
  override readonly name: string = 'RpcError'
  /** gRPC status code, 1 to 16 (or what number a peer sent). */
  readonly status: number
  /** The message as sent: no code, no prefix. */
  readonly statusMessage: string
  readonly metadata: Metadata
  readonly statusDetails: Uint8Array | undefined
  readonly outcome: RpcOutcome

  constructor(code: StatusName | StatusCode, message: string, options: RpcErrorOptions = {}) {
    const number = typeof code === 'number' ? code : status[code]
    const tidemillCode = errorCodes[number] ?? 'TM_RPC_UNKNOWN'
    const row = rpcErrors.rows[tidemillCode]
    const outcome = options.outcome ?? 'answered'
    super(
      tidemillCode,
      row.message.replace('{text}', () => message),
      {
        hint: row.hint,
        http: row.http,
        retryable: row.retryable ?? false,
        details: { status: number, outcome },
        ...(options.cause === undefined ? {} : { cause: options.cause }),
      },
    )
    this.status = number
    this.statusMessage = message
    this.metadata = options.metadata ?? new Metadata()
    this.statusDetails = options.details
    this.outcome = outcome
  }

  /** True when repeating the call could do its work twice. */
  get mayHaveRun(): boolean {
    return this.outcome !== 'unsent'
  }
}

/** Whether a value is a gRPC status error; use this, not instanceof: two copies of the package must agree. */
export function isRpcError(value: unknown): value is RpcError {
  return TidemillError.is(value) && 'status' in value && 'statusMessage' in value
}
