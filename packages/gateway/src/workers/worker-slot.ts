import type { Worker } from 'node:cluster'
import type { Socket } from 'node:net'
import type { Clock } from '@tidemill/core'
import type { LeaseMessage, LeasePort } from '../limit/index.ts'
import { Channel } from './channel.ts'
import type { ToPrimary, ToWorker } from './protocol.ts'
import type { SocketClient } from './socket-desk.ts'

/** `starting`: not ready. `draining`: gets no new connections and ends when its last one has. */
export type WorkerState = 'starting' | 'ready' | 'draining' | 'gone'

/** Milliseconds after a worker's end in which its last messages are read. */
const lastWordsMs = 100

const ignore = (): void => undefined

/** One worker process as the primary sees it, from its start to its end. */
export class WorkerSlot implements SocketClient {
  readonly id: number
  readonly index: number
  readonly channel: Channel<ToWorker, ToPrimary>
  /** Says what became of it: nothing more can come of the process. */
  readonly gone: Promise<string>
  readonly ready: Promise<'ready'>
  readonly leases: LeasePort
  state: WorkerState = 'starting'
  open: number = 0
  /** It has got the configuration, and wants to hear of changes. */
  begun: boolean = false
  /** Monotonic time. */
  readyAt: number | undefined = undefined
  /** Somebody else takes its place: its end is no reason to start another one. */
  replaced: boolean = false
  /** Its end was wanted. */
  dismissed: boolean = false
  readonly #worker: Worker
  #leaseListener: (message: unknown) => void = ignore

  constructor(id: number, index: number, worker: Worker, clock: Clock) {
    this.id = id
    this.index = index
    this.#worker = worker
    this.channel = new Channel((frame, handle) => this.#send(frame, handle))
    worker.on('error', ignore)
    worker.on('message', (message, handle) => this.channel.receive(message, handle as Socket))
    this.leases = {
      send: (message: LeaseMessage) => this.channel.event('lease', message),
      onMessage: (listener) => {
        this.#leaseListener = listener
      },
    }
    this.channel.onEvent('lease', (message) => this.#leaseListener(message))
    this.channel.onEvent('closed', (count) => {
      this.open -= count
    })
    this.ready = new Promise((resolve) => {
      this.channel.onEvent('ready', () => {
        if (this.state === 'starting') this.state = 'ready'
        resolve('ready')
      })
    })
    this.gone = new Promise((resolve) => {
      let end = ''
      const over = (): void => {
        if (end === '' || this.state === 'gone') return
        this.state = 'gone'
        this.channel.lose()
        resolve(end)
      }
      worker.on('exit', (code: number | null, signal: string | null) => {
        end = signal === null ? `exit code ${code}` : `signal ${signal}`
        // What it said last may come after its exit: it tells who took which connection. A channel on which a handle
        // waits for its receipt never says that it is closed.
        if (worker.isConnected()) clock.timer(lastWordsMs, over)
        else over()
      })
      worker.on('disconnect', over)
    })
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0
  }

  get ended(): boolean {
    return this.state === 'gone'
  }

  get accepting(): boolean {
    return this.state === 'starting' || this.state === 'ready'
  }

  give(key: string, id: number, connection: Socket): void {
    this.channel.event('connection', [key, id], connection)
  }

  serveUdp(key: string): void {
    this.channel.event('serveUdp', { key })
  }

  #send(frame: unknown, handle: Socket | undefined): void {
    if (!this.#worker.isConnected()) return
    if (handle === undefined) this.#worker.send(frame as object, ignore)
    else this.#worker.send(frame as object, handle, { keepOpen: true }, ignore)
  }

  /** Its process ends in its own way. */
  dismiss(): void {
    if (this.#worker.isConnected()) this.#worker.process.disconnect()
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }
}
