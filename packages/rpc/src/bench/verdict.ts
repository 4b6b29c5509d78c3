/** What a run's connections reported about flow control, and what moved through them. */
export interface FlowMeasure {
  /** Round trip without load, in milliseconds; 0 when it was not measured. */
  readonly rttMs: number
  readonly elapsedMs: number
  readonly connections: number
  /** Calls start at a pace that was asked for. */
  readonly paced: boolean
  /** Calls in flight at the most, on all connections. */
  readonly inFlight: number
  /** Calls that succeeded. */
  readonly calls: number
  /** Bytes of DATA sent and received in the run, on all connections. */
  readonly sentBytes: number
  readonly receivedBytes: number
  /** Windows that limit what we send (the server's) and what we receive (ours); 0 when not known. Bytes. */
  readonly sendWindow: Windows
  readonly receiveWindow: Windows
  /** Milliseconds that our sending stood still for want of credit, the worst connection. */
  readonly blocked: {
    readonly stream: number
    readonly connection: number
    readonly streams: number
  }
}

export interface Windows {
  readonly stream: number
  readonly connection: number
}

export interface Verdict {
  /** `window`: the rate is what window and round trip allow; `streams`: the server's limit of calls at once; `none`. */
  readonly bound: 'window' | 'streams' | 'none' | 'unknown'
  /** Which side has to change a setting. */
  readonly side: 'server' | 'client' | null
  readonly text: string
  /** Bytes a second that the window allows at this round trip; 0 when it does not bound. */
  readonly ceiling: number
  /** The window to set, in bytes; 0 when there is nothing to set. */
  readonly set: number
  readonly rttMs: number
}

/**
 * Share of window/RTT from which a rate counts as bound by it. Peers give credit back once a quarter (grpc-go) or half
 * (nghttp2) of the window is used, so that half of the law's ceiling is what a bound connection reaches.
 */
const boundShare = 0.45
const blockedShare = 0.2
const leastRttMs = 1
const serverOptions = {
  stream: 'flow.stream; grpc-go: InitialWindowSize',
  connection: 'flow.connection; grpc-go: InitialConnWindowSize',
} as const
const mostWindow = 16 * 1024 * 1024

/** Tells whether flow control set the rate: throughput cannot exceed window / RTT. */
export function judgeFlow(flow: FlowMeasure): Verdict {
  const { rttMs, elapsedMs } = flow
  if (flow.calls === 0 || elapsedMs <= 0) {
    return verdict(flow, 'unknown', null, 'No call succeeded, so nothing can be said.')
  }
  const share = (ms: number): number => ms / elapsedMs
  if (share(flow.blocked.streams) > blockedShare) {
    return verdict(
      flow,
      'streams',
      'server',
      `Bound by the server's limit of concurrent streams: calls waited for a free one ${percent(share(flow.blocked.streams))} of the time. Raise that limit, or use more --connections.`,
    )
  }
  const perConnection = (bytes: number): number => bytes / flow.connections / (elapsedMs / 1000)
  const streams = Math.max(1, flow.inFlight / flow.connections)
  const sending = boundBy(
    perConnection(flow.sentBytes),
    flow.sendWindow,
    streams,
    flow.sentBytes / flow.calls,
    rttMs,
    Math.max(share(flow.blocked.connection), share(flow.blocked.stream)),
  )
  if (sending !== undefined) return windowVerdict(flow, 'server', sending, streams)
  const receiving = boundBy(
    perConnection(flow.receivedBytes),
    flow.receiveWindow,
    streams,
    flow.receivedBytes / flow.calls,
    rttMs,
    0,
  )
  if (receiving !== undefined) return windowVerdict(flow, 'client', receiving, streams)
  if (rttMs < leastRttMs) {
    return verdict(
      flow,
      'none',
      null,
      `Not window-bound: the round trip is ${rttMs.toFixed(2)} ms, so any window is refilled at once.`,
    )
  }
  // By Little's law. Calls much shorter than the round trip say that the round trip was measured in a busy moment.
  const trips = (flow.inFlight * elapsedMs) / flow.calls / rttMs
  const oneTrip = !flow.paced && trips > 0.7 && trips < 1.5
  return verdict(
    flow,
    'none',
    null,
    `Not window-bound at a round trip of ${rttMs.toFixed(1)} ms${oneTrip ? `: ${flow.inFlight} calls in flight, each done in about one, so that their number (-c) sets the rate` : ''}.`,
  )
}

interface Bound {
  readonly kind: 'connection' | 'stream'
  readonly window: number
  readonly rate: number
  readonly ceiling: number
  /** Share of the time that sending waited; 0 when the rate itself is the sign. */
  readonly blocked: number
}

function boundBy(
  rate: number,
  windows: Windows,
  streams: number,
  perCall: number,
  rttMs: number,
  blocked: number,
): Bound | undefined {
  if (rttMs < leastRttMs) return undefined
  const seconds = rttMs / 1000
  const ceilings = [
    { kind: 'connection', window: windows.connection, ceiling: windows.connection / seconds },
    { kind: 'stream', window: windows.stream, ceiling: (windows.stream * streams) / seconds },
  ] as const
  const known = ceilings.filter((one) => one.window > 0).toSorted((a, b) => a.ceiling - b.ceiling)
  const [least] = known
  if (least === undefined) return undefined
  // A window that holds the messages of all calls in flight makes none of them wait, however high the rate.
  const full = streams * perCall >= least.ceiling * seconds
  const reached = full && rate >= boundShare * least.ceiling
  if (!reached && !(blocked > blockedShare && rate >= 0.2 * least.ceiling)) return undefined
  const { kind, window, ceiling } = least
  return { kind, window, rate, ceiling, blocked: reached ? 0 : blocked }
}

function windowVerdict(
  flow: FlowMeasure,
  side: 'server' | 'client',
  bound: Bound,
  streams: number,
): Verdict {
  // What the same calls would need in flight: all of them at once, with room for credit given back at half.
  const perCall = (side === 'server' ? flow.sentBytes : flow.receivedBytes) / flow.calls
  const wanted =
    bound.kind === 'connection' ? 2 * streams * perCall : 2 * Math.max(perCall, bound.window)
  const set = Math.min(mostWindow, powerAbove(Math.max(wanted, bound.window * 2)))
  const whose = side === 'server' ? "the server's" : 'our'
  const how =
    side === 'server'
      ? `set the server's ${bound.kind} window to ${bytesText(set)} (${serverOptions[bound.kind]})`
      : `set --windows ${bound.kind === 'connection' ? `${bytesText(flow.receiveWindow.stream || set)}/${bytesText(set)}` : `${bytesText(set)}/${bytesText(Math.max(set, flow.receiveWindow.connection))}`}, or auto`
  const window = `${whose} ${bound.kind} window of ${bytesText(bound.window)}`
  const sign =
    bound.blocked > 0
      ? `sending waited ${percent(bound.blocked)} of the time for ${window} at ${flow.rttMs.toFixed(1)} ms`
      : `${bytesText(bound.rate)}/s a connection is ${percent(bound.rate / bound.ceiling)} of what ${window} allows at ${flow.rttMs.toFixed(1)} ms (${bytesText(bound.ceiling)}/s)`
  return {
    bound: 'window',
    side,
    text: `Window-bound: ${sign}; ${how}.`,
    ceiling: bound.ceiling,
    set,
    rttMs: flow.rttMs,
  }
}

function verdict(
  flow: FlowMeasure,
  bound: Verdict['bound'],
  side: Verdict['side'],
  text: string,
): Verdict {
  return { bound, side, text, ceiling: 0, set: 0, rttMs: flow.rttMs }
}

function powerAbove(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes))
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** Bytes for people, in binary units: `64 KiB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)}B`
  if (bytes < 1024 * 1024) return `${trim(bytes / 1024)}KiB`
  return bytes < 1024 ** 3 ? `${trim(bytes / 1024 ** 2)}MiB` : `${trim(bytes / 1024 ** 3)}GiB`
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toFixed(1)))
}
