import type { Clock } from '@tidemill/core'
import type { Http2Stats } from '../stats.ts'
import { Meter, type Progress } from './meter.ts'
import type { LimitValues } from './tuning.ts'

/** What a peer is measured by, see `Http2Limits`. */
export class Meters {
  readonly resets: Meter
  readonly refusals: Meter
  readonly pings: Meter
  readonly settings: Meter
  readonly priorities: Meter
  readonly windowUpdates: Meter
  readonly emptyData: Meter
  readonly largeHeaderLists: Meter
  readonly lateFrames: Meter
  /** Streams that were answered: what resets of unanswered ones are measured against. */
  readonly answers: Progress = { frames: 0 }
  /** Header blocks that were given up. */
  continuationFloods = 0
  /** Connections have one at most: it is over then. */
  unreadAnswers = 0

  constructor(clock: Clock, limits: LimitValues, progress: Progress) {
    this.resets = new Meter(clock, limits.resets, this.answers)
    this.refusals = new Meter(clock, limits.refusals)
    this.pings = new Meter(clock, limits.pings, progress)
    this.settings = new Meter(clock, limits.settings, progress)
    this.priorities = new Meter(clock, limits.priorities, progress)
    this.windowUpdates = new Meter(clock, limits.windowUpdates, progress)
    this.emptyData = new Meter(clock, limits.emptyData)
    this.largeHeaderLists = new Meter(clock, limits.largeHeaderLists)
    this.lateFrames = new Meter(clock, limits.lateFrames, progress)
  }

  totals(): Http2Stats['limits'] {
    return {
      resets: this.resets.total,
      refusals: this.refusals.total,
      pings: this.pings.total,
      settings: this.settings.total,
      priorities: this.priorities.total,
      windowUpdates: this.windowUpdates.total,
      emptyData: this.emptyData.total,
      largeHeaderLists: this.largeHeaderLists.total,
      lateFrames: this.lateFrames.total,
      continuationFloods: this.continuationFloods,
      unreadAnswers: this.unreadAnswers,
    }
  }
}
