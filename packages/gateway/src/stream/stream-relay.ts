import type { Socket } from 'node:net'
import type { TimerWheel } from '@tidemill/core'
import type { ListenerPlan } from '../listener/listener-plan.ts'
import { reset, Splice, type SpliceEnd, type SpliceOwner } from './splice.ts'
import { nextBackend, streamFor } from './stream-choice.ts'

export interface StreamCounts {
  /** Connections that are carried now. */
  readonly open: number
  readonly opened: number
  /** Closed because no route or no backend took them. */
  readonly refused: number
  /** Ended by silence, and broken by one side. */
  readonly idle: number
  readonly resets: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Carries connections of TCP and TLS listeners to the backends of their routes. */
export class StreamRelay implements SpliceOwner {
  readonly #wheel: TimerWheel
  readonly #splices = new Set<Splice>()
  #emptied: (() => void) | undefined = undefined
  #opened = 0
  #refused = 0
  #idle = 0
  #resets = 0
  #bytesIn = 0
  #bytesOut = 0

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel
  }

  get counts(): StreamCounts {
    let bytesIn = this.#bytesIn
    let bytesOut = this.#bytesOut
    for (const splice of this.#splices) {
      bytesIn += splice.bytesIn
      bytesOut += splice.bytesOut
    }
    return {
      open: this.#splices.size,
      opened: this.#opened,
      refused: this.#refused,
      idle: this.#idle,
      resets: this.#resets,
      bytesIn,
      bytesOut,
    }
  }

  /** Takes over a connection of which nobody has read a byte (or has put all of them back). */
  open(client: Socket, listener: ListenerPlan, serverName: string): void {
    client.pause()
    const stream = streamFor(listener.streams, serverName)
    const cluster = stream === undefined ? undefined : nextBackend(stream)
    if (cluster === undefined) {
      this.#refuse(client)
      return
    }
    cluster.connect(-1, (upstream) => {
      if (upstream === undefined) this.#refuse(client)
      else if (client.destroyed) upstream.destroy()
      else {
        this.#opened++
        const { tunnelIdleMs } = listener.settings
        this.#splices.add(new Splice(client, upstream, this.#wheel, tunnelIdleMs, this))
      }
    })
  }

  #refuse(client: Socket): void {
    this.#refused++
    reset(client)
  }

  onSpliceEnd(splice: Splice, end: SpliceEnd): void {
    this.#splices.delete(splice)
    this.#bytesIn += splice.bytesIn
    this.#bytesOut += splice.bytesOut
    if (end === 'idle') this.#idle++
    if (end === 'reset') this.#resets++
    if (this.#splices.size === 0) this.#emptied?.()
  }

  /** Resolves when no connection is left. */
  async emptied(): Promise<void> {
    if (this.#splices.size === 0) return
    await new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
  }

  /** Ends all connections at once. */
  close(): void {
    for (const splice of this.#splices) splice.destroy()
  }
}
