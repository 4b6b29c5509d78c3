import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { WheelTimer } from '@tidemill/core'
import type { Host } from '../balance/host.ts'
import type { Applicant, Attempt } from './attempt.ts'
import { fault } from './attempt-fault.ts'
import type { Connector, Offer, Opening } from './connector.ts'
import { Http1Lane } from './http1-lane.ts'
import type { Http1Tunnel } from './http1-tunnel.ts'
import { Http2Lane } from './http2-lane.ts'
import type { PoolOwner } from './pool-owner.ts'

/**
 * The connections to one host that speak by one offer. Kept HTTP/1.1 connections are used last in, first out, so that
 * those that are too many grow old; an HTTP/2 connection is filled before another one is opened.
 */
export class ConnectionPool {
  readonly host: Host
  readonly owner: PoolOwner
  readonly #connector: Connector
  readonly #offer: Offer
  readonly #idle: Http1Lane[] = []
  readonly #http1 = new Set<Http1Lane>()
  readonly #http2: Http2Lane[] = []
  readonly #tunnels = new Set<Http1Tunnel>()
  readonly #openings = new Set<PoolOpening>()
  readonly #waiting = new Set<Applicant>()
  readonly #sweep: WheelTimer
  /** The host has answered an `auto` offer with HTTP/2, or could speak nothing else. */
  #speaksHttp2: boolean
  #ended = false

  constructor(host: Host, owner: PoolOwner, connector: Connector, offer: Offer) {
    this.host = host
    this.owner = owner
    this.#connector = connector
    this.#offer = offer
    this.#speaksHttp2 = offer === 'h2'
    this.#sweep = owner.wheel.timer(() => this.#closeOld())
  }

  get connections(): number {
    return this.#http1.size + this.#http2.length + this.#tunnels.size + this.#openings.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Gives the applicant a connection now, or later, or says why not; false: too many wait. */
  take(applicant: Applicant): boolean {
    if (this.#waiting.size === 0) {
      const lane = this.#free(applicant)
      if (lane !== undefined) {
        this.#begin(applicant, lane)
        return true
      }
    }
    if (!this.owner.mayWait()) return false
    this.#waiting.add(applicant)
    this.owner.waits(1)
    if (this.#waiting.size > 1) this.serve()
    else this.#grow()
    return true
  }

  /** The applicant waits no longer. */
  leave(applicant: Applicant): void {
    if (!this.#waiting.delete(applicant)) return
    this.owner.waits(-1)
    if (this.#waiting.size === 0) this.owner.content(this)
  }

  /** Closes what is unused; what is used is closed after its requests, and who waits is sent away. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#sweep.stop()
    for (const lane of this.#idle.splice(0)) lane.close()
    for (const lane of Array.from(this.#http2)) lane.drain()
    for (const opening of this.#openings) opening.cancel()
    this.#drop(this.#openings.size)
    this.#openings.clear()
    for (const applicant of this.#waiting) {
      this.leave(applicant)
      applicant.onPoolEnded()
    }
  }

  /** Cuts every connection; attempts under way fail. */
  cut(): void {
    this.end()
    for (const lane of Array.from(this.#http1)) lane.cut()
    for (const lane of Array.from(this.#http2)) lane.close()
    for (const tunnel of Array.from(this.#tunnels)) tunnel.cut()
  }

  /** Closes one unused connection for the sake of another host; false when there is none. */
  closeIdle(): boolean {
    const lane = this.#idle.shift()
    if (lane !== undefined) {
      lane.close()
      return true
    }
    const unused = this.#waiting.size > 0 ? undefined : this.#http2.find((each) => each.unused)
    const before = this.connections
    unused?.drain()
    return this.connections < before
  }

  /** Gives those who wait what is free. */
  serve(): void {
    for (const applicant of this.#waiting) {
      const lane = this.#free(applicant)
      if (lane === undefined) {
        if (applicant.fresh) continue
        break
      }
      this.leave(applicant)
      this.#begin(applicant, lane)
    }
    this.#grow()
  }

  // Lanes

  laneIdle(lane: Http1Lane): void {
    const { owner } = this
    if (this.#ended || lane.uses >= owner.config.requestsPerConnection) {
      lane.close()
      return
    }
    const now = owner.clock.monotonic()
    const idleMs = owner.config.idleMs === 0 ? lane.idleMs : owner.config.idleMs
    lane.idleUntil = now + idleMs
    this.#idle.push(lane)
    if (this.#waiting.size > 0) this.serve()
    else if (owner.crowded) this.closeIdle()
    else if (!this.#sweep.active) this.#sweep.start(idleMs)
  }

  laneClosed(lane: Http1Lane): void {
    if (!this.#http1.delete(lane)) return
    const at = this.#idle.indexOf(lane)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#drop(1)
    this.#grow()
  }

  /** A connection carries no stream now. */
  streamsIdle(): void {
    if (this.owner.crowded) this.closeIdle()
  }

  streamsClosed(lane: Http2Lane): void {
    const at = this.#http2.indexOf(lane)
    if (at < 0) return
    this.#http2.splice(at, 1)
    this.#drop(1)
    // To try again and again would help nobody.
    if (!lane.settled) this.#refuse(`no connection to ${this.host.key}: it does not speak HTTP/2`)
    else this.#grow()
  }

  tunnelOpened(tunnel: Http1Tunnel): void {
    this.#tunnels.add(tunnel)
  }

  tunnelClosed(tunnel: Http1Tunnel): void {
    if (this.#tunnels.delete(tunnel)) this.#drop(1)
  }

  openingDone(opening: PoolOpening, socket: Socket): void {
    this.#openings.delete(opening)
    const { tls } = this.#connector
    const spoken = tls === undefined ? '' : (socket as TLSSocket).alpnProtocol
    if (this.#offer === 'h2' && tls !== undefined && spoken !== 'h2') {
      socket.on('error', () => undefined)
      socket.destroy()
      this.#drop(1)
      this.#refuse(`no connection to ${this.host.key}: it does not speak HTTP/2`)
      return
    }
    this.#speaksHttp2 = this.#offer === 'h2' || spoken === 'h2'
    if (this.#speaksHttp2) this.#http2.push(new Http2Lane(socket, this))
    else {
      const lane = new Http1Lane(socket, this)
      this.#http1.add(lane)
      this.laneIdle(lane)
    }
    this.serve()
  }

  openingFailed(opening: PoolOpening, reason: string): void {
    this.#openings.delete(opening)
    this.#drop(1)
    this.#refuse(reason)
  }

  /** Tells those who have nothing else to wait for. */
  #refuse(reason: string): void {
    const shared = this.#speaksHttp2 || this.#offer === 'auto'
    const least = shared ? 0 : this.#openings.size
    for (const applicant of this.#waiting) {
      if (this.#waiting.size <= least) break
      this.leave(applicant)
      applicant.onAttemptFault(fault('connect', reason, true))
      if (!shared) break
    }
    this.#grow()
  }

  #begin(applicant: Applicant, lane: Http1Lane | Http2Lane): void {
    if (applicant.request.upgrade !== '' && lane instanceof Http2Lane && !lane.tunnels) {
      const reason = 'it lets no tunnels through HTTP/2'
      queueMicrotask(() => applicant.onAttemptFault(fault('protocol', reason, true)))
      return
    }
    let attempt: Attempt
    try {
      attempt = lane.begin(applicant, applicant.request, applicant.headMs())
    } catch {
      if (lane instanceof Http1Lane) this.#giveBack(lane)
      const reason = 'the request cannot be written for the upstream'
      queueMicrotask(() => applicant.onAttemptFault(fault('protocol', reason, true)))
      return
    }
    applicant.onAttempt(attempt)
  }

  /** Nothing was written to it. */
  #giveBack(lane: Http1Lane): void {
    if (lane.ready) this.#idle.push(lane)
  }

  #free(applicant: Applicant): Http1Lane | Http2Lane | undefined {
    if (this.#http2.length > 0) {
      for (const lane of this.#http2) if (lane.slots > 0) return lane
    }
    if (this.#idle.length === 0) return undefined
    if (applicant.fresh) return this.#unused()
    const now = this.owner.clock.monotonic()
    for (let lane = this.#idle.pop(); lane !== undefined; lane = this.#idle.pop()) {
      if (lane.ready && now < lane.idleUntil) return lane
      lane.close()
    }
    return undefined
  }

  #unused(): Http1Lane | undefined {
    const at = this.#idle.findIndex((lane) => lane.uses === 0 && lane.ready)
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0]
  }

  /** Opens as many connections as those who wait need. */
  #grow(): void {
    if (this.#ended) return
    // One HTTP/2 connection may serve all of them; whether it is one shows when it stands.
    const shared = this.#speaksHttp2 || (this.#offer === 'auto' && this.#http1.size === 0)
    if (shared && this.#http2.some((lane) => !lane.settled)) return
    const wanted = shared ? Math.min(1, this.#waiting.size) : this.#waiting.size
    while (this.#openings.size < wanted) {
      if (!this.owner.mayOpen(this)) return
      this.owner.opened()
      const opening = new PoolOpening(this)
      this.#openings.add(opening)
      opening.start(this.#connector, this.#offer)
    }
  }

  #closeOld(): void {
    const now = this.owner.clock.monotonic()
    let next = Infinity
    for (const lane of Array.from(this.#idle)) {
      if (lane.idleUntil <= now) lane.close()
      else next = Math.min(next, lane.idleUntil)
    }
    if (next < Infinity) this.#sweep.start(next - now)
  }

  #drop(connections: number): void {
    for (let i = 0; i < connections; i++) this.owner.closed(this)
  }
}

/** One connection on its way into a pool. */
class PoolOpening {
  readonly #pool: ConnectionPool
  #opening: Opening | undefined = undefined

  constructor(pool: ConnectionPool) {
    this.#pool = pool
  }

  start(connector: Connector, offer: Offer): void {
    this.#opening = connector.open(this.#pool.host, offer, this)
  }

  cancel(): void {
    this.#opening?.cancel()
  }

  onSocket(socket: Socket): void {
    this.#pool.openingDone(this, socket)
  }

  onNoSocket(reason: string): void {
    this.#pool.openingFailed(this, reason)
  }
}
