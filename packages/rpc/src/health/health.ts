import { HealthCheckResponse_ServingStatus as wireStatus } from '../gen/grpc/health/v1/health_pb.ts'

/** `SERVICE_UNKNOWN` is only told, never set. */
export type HealthStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'

/**
 * What a server says of itself and its services by the gRPC health protocol. The name `''` is the whole server. A
 * service of which nothing was set is SERVING as soon as the server serves it.
 */
export class Health {
  readonly #set = new Map<string, HealthStatus>([['', 'SERVING']])
  readonly #watches = new Set<HealthWatch>()
  #known: () => Iterable<string> = () => []
  #drained = false

  /** Sets the status of a service, or of the server, and tells those who watch it. Without effect once drained. */
  set(service: string, status: Exclude<HealthStatus, 'SERVICE_UNKNOWN'>): void {
    if (this.#drained) return
    this.#set.set(service, status)
    this.notify()
  }

  status(service: string): HealthStatus {
    const set = this.#set.get(service)
    if (set !== undefined) return this.#drained ? 'NOT_SERVING' : set
    for (const name of this.#known()) {
      if (name === service) return this.#drained ? 'NOT_SERVING' : 'SERVING'
    }
    return 'SERVICE_UNKNOWN'
  }

  /** Every service with its status, the server itself included. */
  list(): Map<string, HealthStatus> {
    const names = new Set([...this.#set.keys(), ...this.#known()])
    return new Map([...names].map((name) => [name, this.status(name)]))
  }

  /** Everything is NOT_SERVING from now on; watches are told and then end. */
  drain(): void {
    this.#drained = true
    this.notify()
  }

  get drained(): boolean {
    return this.#drained
  }

  /** Looks whether what is watched has changed: after services were added. */
  notify(): void {
    for (const watch of this.#watches) watch.changed()
  }

  /** Whose services count as known. */
  follow(known: () => Iterable<string>): void {
    this.#known = known
  }

  /** The status now, then each change, until `signal` aborts or the server drains. */
  watch(service: string, signal?: AbortSignal): AsyncIterableIterator<HealthStatus> {
    const watch = new HealthWatch(this, service, signal, () => {
      this.#watches.delete(watch)
    })
    this.#watches.add(watch)
    return watch
  }
}

/** One watcher. It holds no queue: who is slow sees the latest status and misses those between. */
class HealthWatch implements AsyncIterableIterator<HealthStatus> {
  readonly #health: Health
  readonly #service: string
  readonly #leave: () => void
  readonly #signal: AbortSignal | undefined
  readonly #abort = (): void => this.#end()
  #told: HealthStatus | undefined = undefined
  #ended = false
  #wake: (() => void) | undefined = undefined

  constructor(health: Health, service: string, signal: AbortSignal | undefined, leave: () => void) {
    this.#health = health
    this.#service = service
    this.#leave = leave
    this.#signal = signal
    if (signal?.aborted === true) this.#ended = true
    else signal?.addEventListener('abort', this.#abort, { once: true })
  }

  changed(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  async next(): Promise<IteratorResult<HealthStatus>> {
    while (!this.#ended) {
      const status = this.#health.status(this.#service)
      if (status !== this.#told) {
        this.#told = status
        return { done: false, value: status }
      }
      if (this.#health.drained) break
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#end()
    return { done: true, value: undefined }
  }

  return(): Promise<IteratorResult<HealthStatus>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #end(): void {
    this.#ended = true
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#leave()
    this.changed()
  }
}

const numbers: Readonly<Record<HealthStatus, wireStatus>> = {
  UNKNOWN: wireStatus.UNKNOWN,
  SERVING: wireStatus.SERVING,
  NOT_SERVING: wireStatus.NOT_SERVING,
  SERVICE_UNKNOWN: wireStatus.SERVICE_UNKNOWN,
}

export function toWire(status: HealthStatus): wireStatus {
  return numbers[status]
}

/** A number that this version does not know is UNKNOWN. */
export function fromWire(number: number): HealthStatus {
  for (const [name, known] of Object.entries(numbers)) {
    if (known === number) return name as HealthStatus
  }
  return 'UNKNOWN'
}
