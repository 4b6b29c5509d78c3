import type { Http2Stats } from '../stats.ts'
import type { Machine } from './machine.ts'

/** The figures of a connection, gathered from its parts. */
export function statsOf(machine: Machine): Http2Stats {
  const { sender, receiving, meters, peerSettings } = machine
  return {
    streams: machine.streams,
    streamsOpened: machine.streamsOpened,
    bytesReceived: machine.bytesReceived,
    dataReceived: receiving.dataBytes,
    dataSent: sender.dataBytes,
    rttMs: receiving.tuner.rttMs,
    bdp: receiving.tuner.bdp,
    streamWindow: receiving.tuner.announced,
    connectionWindow: receiving.connection.size,
    unreadBytes: receiving.connection.unread,
    peerStreamWindow: peerSettings.initialWindowSize,
    peerConnectionWindow: sender.window,
    sendBlockedMs: {
      stream: sender.streamBlocked.ms,
      connection: sender.connectionBlocked.ms,
      peerStreams: machine.slotsGone.ms,
    },
    limits: meters.totals(),
  }
}
