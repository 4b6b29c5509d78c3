import type { Clock, Logger, Random } from '@tidemill/core'

/** What every service of the shop is opened with. */
export interface ServiceContext {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly dataDir: string
}
