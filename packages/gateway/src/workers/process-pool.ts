import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import {
  backoffDelay,
  type Clock,
  type Duration,
  type Logger,
  parseDuration,
  type Random,
  realClock,
  realRandom,
  silentLogger,
  type Timer,
} from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import { ConfigurationMirror } from './configuration-mirror.ts'
import type { ConfigurationAnswer, ConfigurationBatch, Endpoints } from './protocol.ts'
import { SocketDesk } from './socket-desk.ts'
import { TicketKeys } from './ticket-keys.ts'
import type { WorkerAnswer, WorkerPool, WorkerPoolOptions, WorkerStatus } from './worker-pool.ts'
import { WorkerSlot } from './worker-slot.ts'

const restartBackoff = { base: 100, cap: 10_000 }
/** A worker that lived this long in service did not fail at its start. */
const settledMs = 10_000
/** For a worker to end after its drain, or after its time to drain. */
const killMs = 5000

const ignore = (): void => undefined

/** The pool on node:cluster: of it only the processes and their channels are used, and its sharing of udp sockets. */
export class ProcessPool implements WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #count: number
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #startMs: number
  readonly #graceMs: number
  readonly #timeoutMs: number
  readonly #desk: SocketDesk
  readonly #tickets: TicketKeys
  readonly #mirror = new ConfigurationMirror()
  readonly #slots = new Set<WorkerSlot>()
  /** Failures in a row, by place. */
  readonly #failures: number[]
  readonly #restarts = new Map<number, Timer>()
  #endpoints: Endpoints = {}
  #lastId = 0
  #crashes = 0
  #rolling: Promise<void> = Promise.resolve()
  #draining = false
  #closing: Promise<void> | undefined = undefined

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#count = Math.max(1, options.workers ?? availableParallelism())
    this.#clock = options.clock ?? realClock
    this.#random = options.random ?? realRandom
    this.#logger = options.logger ?? silentLogger
    this.#startMs = parseDuration(options.startTimeout ?? '30s', 'startTimeout')
    this.#graceMs = parseDuration(options.grace ?? '5s', 'grace')
    this.#timeoutMs = parseDuration(options.timeout ?? '30s', 'timeout')
    this.#failures = new Array<number>(this.#count).fill(0)
    this.#desk = new SocketDesk(this.#clock)
    const rotationMs = parseDuration(options.ticketRotation ?? '8h', 'ticketRotation')
    this.#tickets = new TicketKeys(this.#clock, this.#random, rotationMs, (keys) => {
      for (const slot of this.#slots) slot.channel.event('ticketKeys', keys)
    })
  }

  get crashes(): number {
    return this.#crashes
  }

  async start(): Promise<void> {
    const starting = Array.from({ length: this.#count }, (_, index) => this.#spawn(index))
    try {
      await Promise.all(starting.map((slot) => this.#started(slot)))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  #spawn(index: number): WorkerSlot {
    const { entry, args = [], execArgv = process.execArgv, env = {} } = this.#options
    const exec = String(entry).startsWith('file:') ? fileURLToPath(entry) : String(entry)
    // The settings are the process's; they are read by the fork that follows.
    cluster.setupPrimary({ exec, args: [...args], execArgv: [...execArgv] })
    const slot = new WorkerSlot(++this.#lastId, index, cluster.fork({ ...env }), this.#clock)
    this.#slots.add(slot)
    this.#serve(slot)
    void slot.gone.then((end) => this.#lost(slot, end))
    return slot
  }

  #serve(slot: WorkerSlot): void {
    const { channel } = slot
    channel.onAsk('start', () => {
      slot.begun = true
      return {
        id: slot.id,
        index: slot.index,
        workers: this.#count,
        ticketKeys: this.#tickets.keys,
        endpoints: this.#endpoints,
        batches: this.#mirror.batches(),
      }
    })
    channel.onAsk('open', (wish) => this.#desk.open(slot, wish))
    channel.onEvent('release', ({ key }) => this.#desk.release(slot, key))
    channel.onEvent('took', (id) => this.#desk.took(id))
    channel.onEvent('note', ({ name, body }) => this.#options.onNote?.(slot.id, name, body))
    const detach = this.#options.leases?.attach(slot.leases) ?? ignore
    void slot.gone.then(detach)
  }

  /** Waits until it is ready; otherwise it is killed, and TM_GATEWAY_WORKER_START says why. */
  async #started(slot: WorkerSlot): Promise<void> {
    const reason = await this.#within(this.#startMs, Promise.race([slot.ready, slot.gone]))
    if (reason === 'ready') {
      slot.readyAt = this.#clock.monotonic()
      return
    }
    slot.dismissed = true
    slot.kill()
    const details = { index: slot.index, reason: reason ?? `not ready in ${this.#startMs} ms` }
    throw gatewayErrors.error('TM_GATEWAY_WORKER_START', details)
  }

  /** What the promise gives, or undefined when the time is over first. */
  async #within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    let timer: Timer | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = this.#clock.timer(ms, () => resolve(undefined))
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      timer?.cancel()
    }
  }

  #lost(slot: WorkerSlot, end: string): void {
    this.#slots.delete(slot)
    this.#desk.leave(slot)
    if (slot.dismissed || this.#closing !== undefined) return
    this.#crashes++
    const { id, index, readyAt } = slot
    this.#logger.log('error', 'a worker ended', { worker: id, index, end })
    // One that never was ready is the affair of who started it.
    if (readyAt === undefined || slot.replaced) return
    const settled = this.#clock.monotonic() - readyAt >= settledMs
    this.#failures[index] = settled ? 1 : (this.#failures[index] ?? 0) + 1
    this.#restart(index)
  }

  /** The first time at once. */
  #restart(index: number): void {
    if (this.#closing !== undefined || this.#draining) return
    const failures = this.#failures[index] ?? 0
    const wait = failures <= 1 ? 0 : backoffDelay(failures, restartBackoff, this.#random)
    const start = (): void => {
      this.#restarts.delete(index)
      this.#started(this.#spawn(index)).catch(() => {
        this.#failures[index] = (this.#failures[index] ?? 0) + 1
        this.#restart(index)
      })
    }
    this.#restarts.set(index, this.#clock.timer(wait, start))
  }

  async apply(batch: ConfigurationBatch): Promise<ConfigurationAnswer> {
    this.#mirror.apply(batch)
    const begun = [...this.#slots].filter((slot) => slot.begun)
    const answers = await Promise.allSettled(
      begun.map((slot) => slot.channel.ask('configure', batch)),
    )
    const invalid = new Set<string>()
    let answered = false
    for (const answer of answers) {
      if (answer.status === 'rejected') continue
      answered = true
      for (const name of answer.value.invalid) invalid.add(name)
    }
    if (answered) this.#mirror.confirm(batch, [...invalid])
    return { invalid: [...invalid] }
  }

  setEndpoints(endpoints: Endpoints): void {
    this.#endpoints = { ...this.#endpoints, ...endpoints }
    for (const slot of this.#slots) if (slot.begun) slot.channel.event('endpoints', endpoints)
  }

  async ask(name: string, body: unknown = null): Promise<readonly WorkerAnswer[]> {
    const asked = [...this.#slots].filter(({ state }) => state === 'ready' || state === 'draining')
    const answers = await Promise.allSettled(
      asked.map((slot) => slot.channel.ask('part', { name, body })),
    )
    return answers.flatMap((answer, i) =>
      answer.status === 'fulfilled'
        ? [{ worker: (asked[i] as WorkerSlot).id, answer: answer.value }]
        : [],
    )
  }

  workers(): readonly WorkerStatus[] {
    return Array.from(this.#slots, ({ id, index, pid, state, open }) => ({
      id,
      index,
      pid,
      state,
      connections: open,
    }))
  }

  sockets(): readonly { readonly key: string; readonly port: number }[] {
    return this.#desk.sockets()
  }

  roll(): Promise<void> {
    const rolled = this.#rolling.then(() => this.#roll())
    this.#rolling = rolled.catch(ignore)
    return rolled
  }

  async #roll(): Promise<void> {
    const olds = [...this.#slots].filter(({ state }) => state === 'ready')
    for (const old of olds) {
      if (this.#closing !== undefined || this.#draining) return
      // It died meanwhile, and its successor is new anyway.
      if (old.state !== 'ready') continue
      old.replaced = true
      try {
        await this.#started(this.#spawn(old.index))
      } catch (error) {
        old.replaced = false
        if (old.ended) this.#restart(old.index)
        throw error
      }
      await this.#retire(old, this.#graceMs, this.#timeoutMs)
    }
  }

  async #retire(slot: WorkerSlot, graceMs: number, timeoutMs: number): Promise<void> {
    if (slot.ended) return
    slot.state = 'draining'
    slot.replaced = true
    this.#desk.retire(slot)
    const drained = slot.channel.ask('drain', { graceMs, timeoutMs }).catch(ignore)
    await this.#within(graceMs + timeoutMs + killMs, drained)
    slot.dismissed = true
    slot.dismiss()
    if ((await this.#within(killMs, slot.gone)) !== undefined) return
    slot.kill()
    await slot.gone
  }

  async drain(
    options: { readonly grace?: Duration; readonly timeout?: Duration } = {},
  ): Promise<void> {
    const graceMs = parseDuration(options.grace ?? this.#options.grace ?? '5s', 'grace')
    const timeoutMs = parseDuration(options.timeout ?? this.#options.timeout ?? '30s', 'timeout')
    this.#draining = true
    this.#cancelRestarts()
    this.#desk.close()
    await Promise.all([...this.#slots].map((slot) => this.#retire(slot, graceMs, timeoutMs)))
  }

  #cancelRestarts(): void {
    for (const timer of this.#restarts.values()) timer.cancel()
    this.#restarts.clear()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#cancelRestarts()
    this.#tickets.close()
    this.#desk.close()
    const slots = [...this.#slots]
    for (const slot of slots) slot.kill()
    await Promise.all(slots.map(({ gone }) => gone))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
