export type { StreamCounts } from './stream-relay.ts'
export type { UdpCounts } from './udp-relay.ts'
