import { channel } from 'node:diagnostics_channel'

/**
 * Why a request ended as it did: empty when the upstream answered. NR no route, NB invalid route or
 * backend, UH no endpoint, UO upstream overloaded, CB breaker open, UF connecting failed, UC upstream
 * broke off, UPE upstream spoke no HTTP, UT upstream timed out, SI stream idle, DC client left, DPE
 * client broke the protocol, LH loop, RD redirect, RL rate limited, UAEX authentication refused, SLO shed by an
 * objective's action, URX retries used up, DT the request's whole time was over.
 */
export type RequestFlag =
  | ''
  | 'NR'
  | 'NB'
  | 'UH'
  | 'UO'
  | 'CB'
  | 'UF'
  | 'UC'
  | 'UPE'
  | 'UT'
  | 'SI'
  | 'DC'
  | 'DPE'
  | 'LH'
  | 'RD'
  | 'RL'
  | 'UAEX'
  | 'SLO'
  | 'URX'
  | 'DT'

/** One request as it ended. */
export interface RequestRecord {
  readonly requestId: string
  /** Wall time of its arrival. */
  readonly at: number
  readonly method: string
  readonly host: string
  /** Without query, which may hold secrets; control characters cannot occur. */
  readonly path: string
  /** `namespace/name`; empty when none matched. */
  readonly route: string
  readonly rule: number
  /** `namespace/service`; empty when the gateway answered. */
  readonly upstream: string
  /** `address:port` that it was sent to last; empty when it was not. */
  readonly endpoint: string
  /** How often it was sent. */
  readonly attempts: number
  /** Bytes of the two bodies. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Status sent to the client; 0 when it left before. */
  readonly status: number
  readonly flag: RequestFlag
  /** Code of the gateway's own answer. */
  readonly code: string | undefined
  readonly ms: number
  /** Milliseconds until the upstream's response head; undefined when there was none. */
  readonly firstByteMs: number | undefined
  /** How long the upstream might take, as it was told; null without a limit. */
  readonly timeoutMs: number | null
  /** kv revision of the configuration that decided. */
  readonly revision: number
}

const requestChannel = channel('tidemill:gateway:request')

/** The last requests, found by their x-request-id. */
export class RequestLog {
  readonly #ring: (RequestRecord | undefined)[]
  #next = 0

  constructor(size: number) {
    this.#ring = Array.from({ length: size })
  }

  add(record: RequestRecord): void {
    this.#ring[this.#next] = record
    this.#next = (this.#next + 1) % this.#ring.length
    if (requestChannel.hasSubscribers) requestChannel.publish(record)
  }

  /** The newest with that id; looks through all, because an index would cost every request. */
  find(requestId: string): RequestRecord | undefined {
    return this.latest(this.#ring.length).find((record) => record.requestId === requestId)
  }

  /** Newest first. */
  latest(limit: number): RequestRecord[] {
    const records: RequestRecord[] = []
    const size = this.#ring.length
    for (let i = 1; i <= size && records.length < limit; i++) {
      const record = this.#ring[(this.#next - i + size) % size]
      if (record === undefined) break
      records.push(record)
    }
    return records
  }
}
