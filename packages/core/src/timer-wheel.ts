import type { Clock, Timer } from './clock.ts'
import { coreErrors } from './errors.ts'

/** A timeout that is made once and started as often as needed. */
export interface WheelTimer {
  /** True from `start` until it fires or is stopped. */
  readonly active: boolean
  /** Fires once, `ms` from now: never early, at most one tick of the wheel late. Starting it again moves it. */
  start(ms: number): void
  /** Does nothing when it is not active. */
  stop(): void
}

/**
 * Timeouts by the thousand on one timer of the clock: starting and stopping one costs a list operation, no
 * allocation and no system call. For deadlines, idle and progress timeouts, not for work that must be on time.
 */
export interface TimerWheel {
  timer(fire: () => void): WheelTimer
  /** Stops all timers; `start` afterwards throws TM_CORE_CLOSED. */
  close(): void
}

export interface TimerWheelOptions {
  readonly clock: Clock
  /** Resolution in milliseconds; default 5. */
  readonly tickMs?: number
  /** Whether a waiting timer keeps the process alive; default false: the connection it watches does that. */
  readonly ref?: boolean
}

/** A power of two; with ticks of 5 ms one turn is 2.56 s, and a longer timeout is looked at once a turn. */
const slotCount = 512

class Entry implements WheelTimer {
  readonly #wheel: Wheel
  readonly fire: () => void
  /** Tick at which it fires; -1 while it is not active. */
  due: number = -1
  previous: Entry | undefined = undefined
  next: Entry | undefined = undefined

  constructor(wheel: Wheel, fire: () => void) {
    this.#wheel = wheel
    this.fire = fire
  }

  get active(): boolean {
    return this.due >= 0
  }

  start(ms: number): void {
    this.#wheel.start(this, ms)
  }

  stop(): void {
    if (this.due >= 0) this.#wheel.remove(this)
  }
}

class Wheel implements TimerWheel {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #ref: boolean
  readonly #origin: number
  readonly #slots = new Array<Entry | undefined>(slotCount).fill(undefined)
  readonly #wake: () => void
  #count = 0
  /** All ticks up to this one have been looked at. */
  #seen = 0
  #armed: Timer | undefined = undefined
  #armedTick = 0
  #closed = false

  constructor(options: TimerWheelOptions) {
    this.#clock = options.clock
    this.#tickMs = options.tickMs ?? 5
    this.#ref = options.ref ?? false
    this.#origin = this.#clock.monotonic()
    this.#wake = () => this.#run()
  }

  timer(fire: () => void): WheelTimer {
    return new Entry(this, fire)
  }

  start(entry: Entry, ms: number): void {
    if (this.#closed) throw coreErrors.error('TM_CORE_CLOSED', { what: 'the timer wheel' })
    if (entry.due >= 0) this.remove(entry)
    const elapsed = this.#clock.monotonic() - this.#origin
    if (this.#count === 0) this.#seen = Math.floor(elapsed / this.#tickMs)
    const due = Math.max(Math.ceil((elapsed + Math.max(0, ms)) / this.#tickMs), this.#seen + 1)
    entry.due = due
    const slot = due & (slotCount - 1)
    const head = this.#slots[slot]
    entry.next = head
    if (head !== undefined) head.previous = entry
    this.#slots[slot] = entry
    this.#count++
    if (this.#armed === undefined || due < this.#armedTick) this.#arm(due)
  }

  remove(entry: Entry): void {
    const { previous, next } = entry
    if (previous === undefined) this.#slots[entry.due & (slotCount - 1)] = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    entry.previous = undefined
    entry.next = undefined
    entry.due = -1
    this.#count--
    // The clock's timer stays: stopping one and starting the next is the common case, and a wake for nothing is cheap.
  }

  #arm(tick: number): void {
    this.#armed?.cancel()
    this.#armedTick = tick
    const ms = this.#origin + tick * this.#tickMs - this.#clock.monotonic()
    this.#armed = this.#clock.timer(Math.max(0, ms), this.#wake, { ref: this.#ref })
  }

  #run(): void {
    this.#armed = undefined
    const now = Math.floor((this.#clock.monotonic() - this.#origin) / this.#tickMs)
    const first = Math.max(this.#seen + 1, now - slotCount + 1)
    this.#seen = Math.max(this.#seen, now)
    for (let tick = first; tick <= now && this.#count > 0; tick++) {
      let entry = this.#slots[tick & (slotCount - 1)]
      while (entry !== undefined) {
        if (entry.due <= now) {
          this.remove(entry)
          entry.fire()
          // What it did may have changed this list anywhere: begin again, those that are left are few.
          entry = this.#slots[tick & (slotCount - 1)]
        } else entry = entry.next
      }
    }
    if (this.#count > 0 && !this.#closed) this.#armNext()
  }

  #armNext(): void {
    const from = this.#seen
    for (let tick = from + 1; tick <= from + slotCount; tick++) {
      for (let entry = this.#slots[tick & (slotCount - 1)]; entry !== undefined; ) {
        if (entry.due <= tick) {
          if (this.#armed === undefined || tick < this.#armedTick) this.#arm(tick)
          return
        }
        entry = entry.next
      }
    }
    if (this.#armed === undefined) this.#arm(from + slotCount)
  }

  close(): void {
    this.#closed = true
    this.#armed?.cancel()
    this.#armed = undefined
    for (let slot = 0; slot < slotCount; slot++) {
      for (let entry = this.#slots[slot]; entry !== undefined; entry = this.#slots[slot])
        this.remove(entry)
    }
  }
}

export function createTimerWheel(options: TimerWheelOptions): TimerWheel {
  return new Wheel(options)
}

const shared = new WeakMap<Clock, TimerWheel>()

/** The wheel of a clock that everything on this thread may share; it is never closed. */
export function sharedTimerWheel(clock: Clock): TimerWheel {
  let wheel = shared.get(clock)
  if (wheel === undefined) {
    wheel = createTimerWheel({ clock })
    shared.set(clock, wheel)
  }
  return wheel
}
