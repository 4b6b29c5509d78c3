/** Window of a connection before any WINDOW_UPDATE, RFC 9113 6.9.2: nobody can be given less. */
export const baseWindow = 65_535

/** Smallest stream window that pressure leads to; peers still make progress with it. */
const leastStreamWindow = 4096

/** Somebody who was refused credit. */
export interface BudgetMember {
  /** There may be room again; called once after `wait`, which may be called again from inside. */
  roomAgain(): void
}

/**
 * The memory that peers may fill with bytes that the application has not read, shared by all connections of a server
 * or a channel:
 *
 * - unread bytes and connection credit together stay within `bytes`: at the limit no credit is given back until the
 *   application reads. A connection may always have 65,535 of both, which the protocol gives it anyhow; so the sum can
 *   pass `bytes` only by that much a connection, and only when there are so many connections.
 * - the windows of connections take half of `bytes` at most, so that idle ones cannot use it up.
 * - above a quarter of unread bytes the windows of streams shrink, and no message is extended beyond half.
 *
 * A message that is to be read as a whole must be smaller than half of `bytes`.
 */
export class ReceiveBudget {
  readonly bytes: number
  /** Received and not read. */
  unread = 0
  /** What peers may send before they get another WINDOW_UPDATE for their connection. */
  credit = 0
  /** Sum of the connections' window sizes. */
  windows = 0
  /** Granted by `extend` and not yet arrived. */
  promised = 0
  /** Streams open. */
  streams = 0
  /** Highest sum of `unread` and `credit` so far. */
  peak = 0
  readonly #waiting: Set<BudgetMember> = new Set()
  #waking = false

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** Takes up to `wanted` bytes for a connection's credit, of which `within` may be taken whatever the others use. */
  take(wanted: number, within: number): number {
    const room = this.bytes - this.unread - this.credit
    const given = Math.max(Math.min(wanted, room), Math.min(wanted, within), 0)
    this.credit += given
    this.#mark()
    return given
  }

  /** The window that a connection may have that would like `wanted` and has `has`. */
  connectionWindow(wanted: number, has: number): number {
    if (wanted <= has) return has
    const room = this.bytes / 2 - this.windows
    // Not all of what is left to one: who comes next wants some too.
    return Math.max(has, Math.min(wanted, has + Math.floor(room / 4)))
  }

  /** The window that a stream may have that would like `wanted`. Steps are powers of two, so that it changes rarely. */
  streamWindow(wanted: number): number {
    if (this.unread <= this.bytes / 4) return wanted
    const share = Math.max(0, this.bytes / 2 - this.unread) / (2 * Math.max(1, this.streams))
    if (share >= wanted) return wanted
    const step = 2 ** Math.floor(Math.log2(Math.max(share, leastStreamWindow)))
    return Math.min(wanted, step)
  }

  /** Promises `bytes` of a message over its stream's window; false while there is no room for them. */
  extend(bytes: number): boolean {
    if (this.unread + this.promised + bytes > this.bytes / 2) return false
    this.promised += bytes
    return true
  }

  /** Bytes of credit have arrived and wait to be read. */
  arrived(bytes: number): void {
    this.credit -= bytes
    this.unread += bytes
    this.#mark()
  }

  /** Bytes have been read or dropped. */
  read(bytes: number): void {
    this.unread -= bytes
    if (this.#waiting.size > 0) this.#wake()
  }

  /** Has `roomAgain` called when bytes have been read. */
  wait(member: BudgetMember): void {
    this.#waiting.add(member)
  }

  leave(member: BudgetMember): void {
    this.#waiting.delete(member)
  }

  #mark(): void {
    const used = this.unread + this.credit
    if (used > this.peak) this.peak = used
  }

  /**
   * In the order in which they came, until one still has not enough: each read costs at most one refusal, however many
   * wait, and who was refused is the last of the next round.
   */
  #wake(): void {
    if (this.#waking) return
    this.#waking = true
    try {
      for (const member of this.#waiting) {
        this.#waiting.delete(member)
        member.roomAgain()
        if (this.#waiting.has(member)) break
      }
    } finally {
      this.#waking = false
    }
  }
}
