import { type Channel, channel } from 'node:diagnostics_channel'

/** `{ streams, first, last, deduplicated }` after an append through a store was acknowledged. */
export const appendChannel: Channel = channel('tidemill:events:append')

/** `{ processor, version, from, to, head }` after a processor's batch was committed. */
export const batchChannel: Channel = channel('tidemill:events:batch')

/** `{ processor, version, position, reason }` when a processor stops. */
export const stopChannel: Channel = channel('tidemill:events:stop')
