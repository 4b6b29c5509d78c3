import { channel } from 'node:diagnostics_channel'

/**
 * Why a request ended as it did: empty when the upstream answered. NR no route, NB invalid route or
 * backend, UH no endpoint, UO upstream overloaded, CB breaker open, UF connecting failed, UC upstream
 * broke off, UPE upstream spoke no HTTP, UT upstream timed out, SI stream idle, DC client left, DPE
 * client broke the protocol, LH loop, RD redirect.
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
  /** URL of the address it was sent to; empty when it was not. */
  readonly endpoint: string
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
  readonly #byId = new Map<string, RequestRecord>()
  #next = 0

  constructor(size: number) {
    this.#ring = Array.from({ length: size })
  }

  add(record: RequestRecord): void {
    const oldest = this.#ring[this.#next]
    // A client may send one id twice; the newer record keeps it.
    if (oldest !== undefined && this.#byId.get(oldest.requestId) === oldest) {
      this.#byId.delete(oldest.requestId)
    }
    this.#ring[this.#next] = record
    this.#byId.set(record.requestId, record)
    this.#next = (this.#next + 1) % this.#ring.length
    if (requestChannel.hasSubscribers) requestChannel.publish(record)
  }

  find(requestId: string): RequestRecord | undefined {
    return this.#byId.get(requestId)
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
