import { cpus } from 'node:os'
import { lookup } from 'node:dns/promises'
import type { DescMethod, Registry } from '@bufbuild/protobuf'
import { type Clock, type Histogram, type Random, realClock, realRandom } from '@tidemill/core'
import { findTransport } from '../transport/find-transport.ts'
import { status } from '../status.ts'
import type { ClientTls, ClientTransportSettings, Transport } from '../transport/transport.ts'
import type { BenchConfig } from './bench-config.ts'
import type { BenchPlan } from './bench-plan.ts'
import { createMetadata, type MetadataSource } from './call-metadata.ts'
import { coreSharingNote } from './core-sharing.ts'
import type { LoadTls, WindowSetting } from './load-settings.ts'
import { type GeneratorResult, LoadGenerator } from './load-generator.ts'
import { LoadLink } from './load-link.ts'
import { createPayloads, type PayloadSource } from './payload.ts'
import { createRelay, type Relay } from './relay.ts'
import { type BenchReport, createReport } from './report.ts'
import { reportOptions } from './report-options.ts'
import { unpaced } from './schedule.ts'
import { type FlowMeasure, judgeFlow } from './verdict.ts'

/** What a run needs besides its plan; the texts are what `-d`, `-m` and their files hold. */
export interface BenchInput {
  readonly config: BenchConfig
  readonly plan: BenchPlan
  readonly method: DescMethod
  readonly registry?: Registry
  readonly data?: string | undefined
  readonly binary?: Uint8Array | undefined
  readonly metadata?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
  readonly tls?: LoadTls | undefined
  /** Default: the one that the plan names. */
  readonly transport?: Transport
  readonly clock?: Clock
  readonly random?: Random
  readonly signal?: AbortSignal
  /** Whether reports list the single results; default true. */
  readonly details?: boolean
  /** Called four times a second while calls are counted. */
  readonly onProgress?: (progress: BenchProgress) => void
}

/** Where a run is. */
export interface BenchProgress {
  /** Which run of a sweep, from 0. */
  readonly run: number
  readonly runs: number
  readonly warming: boolean
  readonly elapsedMs: number
  readonly count: number
  readonly failed: number
  readonly inFlight: number
  /** Microseconds, all results so far. */
  readonly latencies: Histogram
}

/** One run of a sweep, or the only one. */
export interface BenchCell {
  readonly windows: WindowSetting
  /** Milliseconds that the relay added to the round trip. */
  readonly addedRttMs: number
  readonly report: BenchReport
  readonly latencies: Histogram
}

interface Prepared extends BenchInput {
  readonly transport: Transport
  readonly payloads: PayloadSource
  readonly metadataSource: MetadataSource
  readonly clock: Clock
  readonly random: Random
}

const progressMs = 250
// Servers count PINGs without calls as strikes: grpc-go takes two and goes away at the third.
const pings = 2
const pingMs = 15_000
const autoWindows = { stream: 1024 * 1024, connection: 4 * 1024 * 1024 } as const
const mostWindow = 16 * 1024 * 1024

/**
 * Runs the load once for each combination of windows and round trip, one after the other. A server that refuses or fails
 * is a result; only data, options and templates that cannot be used reject.
 */
export async function runBench(input: BenchInput): Promise<BenchCell[]> {
  const { plan, method, clock = realClock, random = realRandom } = input
  const prepared: Prepared = {
    ...input,
    transport: input.transport ?? findTransport(plan.transport === 'node' ? 'node' : 'native'),
    clock,
    random,
    payloads: createPayloads({
      method,
      json: input.data,
      binary: input.binary,
      gzip: plan.gzip,
      random,
      registry: input.registry,
    }),
    metadataSource: createMetadata(input.metadata, random),
  }
  const cells: BenchCell[] = []
  for (const addedRttMs of plan.rtts) {
    for (const windows of plan.windows) {
      if (input.signal?.aborted === true) return cells
      cells.push(await runCell(prepared, windows, addedRttMs, cells.length))
    }
  }
  return cells
}

async function runCell(
  input: Prepared,
  windows: WindowSetting,
  addedRttMs: number,
  run: number,
): Promise<BenchCell> {
  const { plan, clock } = input
  const addresses = await resolveTarget(plan)
  const relays: Relay[] = []
  const links: LoadLink[] = []
  let generator: LoadGenerator | undefined
  try {
    for (let i = 0; i < plan.connections; i++) {
      const address =
        addresses[plan.spread === 'round_robin' ? i % addresses.length : 0] ?? plan.target.host
      let host = address
      let port = plan.target.port
      if (addedRttMs > 0) {
        const relay = await createRelay({ host, port, rttMs: addedRttMs, clock })
        relays.push(relay)
        host = '127.0.0.1'
        port = relay.port
      }
      links.push(
        new LoadLink({
          connector: input.transport.client(clientSettings(input, windows)),
          address: { kind: 'tcp', host, port },
          clock,
          keepaliveMs: plan.keepaliveMs,
          onChange: () => generator?.linkChanged(i),
        }),
      )
    }
    await openLinks(links, input.signal)
    const rttMs = await roundTrip(links)
    let before = totalBytes(links)
    let blockedBefore = blockedTimes(links)
    let cpuBefore = process.cpuUsage()
    generator = new LoadGenerator({
      plan,
      method: input.method,
      links,
      payloads: input.payloads,
      metadata: input.metadataSource,
      clock,
      random: input.random,
      onMeasure: () => {
        before = totalBytes(links)
        blockedBefore = blockedTimes(links)
        cpuBefore = process.cpuUsage()
      },
    })
    const stopProgress = followProgress(input, generator, run)
    const result = await generator.run(input.signal).finally(stopProgress)
    const cpu = process.cpuUsage(cpuBefore)
    const share = (cpu.user + cpu.system) / 1000 / result.elapsedMs
    const after = totalBytes(links)
    const stats = links.map((link) => link.stats())
    const blocked = blockedTimes(links)
    const worst = (key: 'stream' | 'connection'): number =>
      Math.max(0, ...blocked.map((one, i) => one[key] - (blockedBefore[i]?.[key] ?? 0)))
    const flow: FlowMeasure = {
      rttMs,
      elapsedMs: result.elapsedMs,
      connections: plan.connections,
      paced: plan.load !== unpaced,
      inFlight: result.inFlight,
      calls: result.log.count - result.log.failed,
      sentBytes: after.sent - before.sent,
      receivedBytes: after.received - before.received,
      sendWindow: {
        stream: stats[0]?.peerStreamWindow ?? 0,
        connection: stats[0]?.peerConnectionWindow ?? 0,
      },
      receiveWindow: {
        stream: stats[0]?.streamWindow ?? 0,
        connection: stats[0]?.connectionWindow ?? 0,
      },
      blocked: {
        stream: worst('stream'),
        connection: worst('connection'),
        streams: result.blockedStreamsMs,
      },
    }
    const report = createReport({
      log: result.log,
      endReason: result.endReason,
      details: input.details ?? true,
      options: reportOptions(input.config, plan, {
        data: input.data,
        metadata: input.metadata,
        cpus: cpus().length,
      }),
      name: plan.name,
      tags: input.tags,
      startedAt: result.startedAt,
      endedAt: result.endedAt,
      total: Math.round(result.elapsedMs * 1e6),
      loop: plan.loop,
      rate: plan.rate,
      intervalMs: plan.rate > 0 ? (1000 * plan.workers.most) / plan.rate : 0,
      warmup: result.warmup,
      notStarted: result.notStarted,
      cpuShare: share,
      verdict: judgeFlow(flow),
      notes: notesOf(input, result, share),
    })
    return { windows, addedRttMs, report, latencies: result.log.latencies }
  } finally {
    for (const link of links) link.close()
    await Promise.all(relays.map((relay) => relay.close()))
  }
}

async function resolveTarget({ target, spread }: BenchPlan): Promise<readonly string[]> {
  if (spread === 'pick_first') return [target.host]
  try {
    const found = await lookup(target.host, { all: true })
    return found.length === 0 ? [target.host] : found.map((one) => one.address)
  } catch {
    // The connection itself reports that the name is unknown, as a result of every call.
    return [target.host]
  }
}

/** Resolves when every first attempt is decided, or given up because the caller cancelled. */
async function openLinks(
  links: readonly LoadLink[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const giveUp = (): void => {
    for (const link of links) link.close()
  }
  signal?.addEventListener('abort', giveUp, { once: true })
  await Promise.all(links.map((link) => link.open()))
  signal?.removeEventListener('abort', giveUp)
}

/** The least of a few PINGs on an idle connection; 0 when there is no connection. */
async function roundTrip(links: readonly LoadLink[]): Promise<number> {
  const link = links.find((one) => one.current !== undefined)
  if (link === undefined) return 0
  let least = Number.POSITIVE_INFINITY
  try {
    for (let i = 0; i < pings; i++) least = Math.min(least, await link.roundTrip(pingMs))
  } catch {
    return 0
  }
  return least
}

function clientSettings(input: Prepared, windows: WindowSetting): ClientTransportSettings {
  const { plan, clock, tls } = input
  const sizes = windows === 'auto' ? autoWindows : windows
  return {
    clock,
    flow: {
      streamWindow: sizes.stream,
      connectionWindow: sizes.connection,
      autoTuneMax: windows === 'auto' ? mostWindow : 0,
      memoryBudget: Number.MAX_SAFE_INTEGER,
    },
    maxConcurrentStreams: 0,
    maxHeaderListBytes: 64 * 1024,
    connectTimeoutMs: plan.connectTimeoutMs,
    tls: tls === undefined ? undefined : clientTls(tls, plan.target.host),
  }
}

function clientTls(tls: LoadTls, host: string): ClientTls {
  return {
    // The name to check is the target's, whatever address the connection goes to.
    serverName: tls.serverName ?? host,
    skipVerify: tls.skipVerify,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  }
}

function blockedTimes(
  links: readonly LoadLink[],
): { readonly stream: number; readonly connection: number }[] {
  return links.map((link) => {
    const { stream = 0, connection = 0 } = link.stats()?.blockedMs ?? {}
    return { stream, connection }
  })
}

function totalBytes(links: readonly LoadLink[]): {
  readonly sent: number
  readonly received: number
} {
  let sent = 0
  let received = 0
  for (const link of links) {
    const bytes = link.bytes()
    sent += bytes.sent
    received += bytes.received
  }
  return { sent, received }
}

function followProgress(input: Prepared, generator: LoadGenerator, run: number): () => void {
  const { onProgress, clock, plan } = input
  if (onProgress === undefined) return () => undefined
  const runs = plan.windows.length * plan.rtts.length
  const tick = (): void => {
    const { log } = generator
    onProgress({
      run,
      runs,
      warming: generator.warming,
      elapsedMs: generator.elapsedMs,
      count: log.count,
      failed: log.failed,
      inFlight: generator.inFlight,
      latencies: log.latencies,
    })
    timer = clock.timer(progressMs, tick, { ref: false })
  }
  let timer = clock.timer(progressMs, tick, { ref: false })
  return () => timer.cancel()
}

function notesOf(
  input: Prepared,
  { log, notStarted, elapsedMs }: GeneratorResult,
  share: number,
): string[] {
  const { plan } = input
  const { count } = log
  const notes: string[] = []
  const sharing = isLoopback(plan.target.host) ? coreSharingNote(plan.target.port) : undefined
  if (sharing !== undefined) notes.push(sharing)
  if (share > 0.95 && elapsedMs > 500 && plan.loop === 'closed' && plan.rate === 0) {
    notes.push(
      `This tool used ${Math.round(share * 100)} % of a core: the server may be able to do more than ${Math.round((count / elapsedMs) * 1000).toLocaleString('en-US')} calls a second.`,
    )
  }
  const late = log.statuses().find(([code]) => code === status.DEADLINE_EXCEEDED)?.[1] ?? 0
  if (late > 0 && !log.countErrors) {
    notes.push(
      `${late.toLocaleString('en-US')} calls missed their deadline (--timeout) and are left out of the latencies, which are lower than what callers saw; --count-errors counts them.`,
    )
  }
  // The one or two that fall due in the last turn of the event loop are no sign of anything.
  if (notStarted > 10 && notStarted > count / 100) {
    notes.push(
      `${notStarted.toLocaleString('en-US')} calls were due but not started when the run ended: the server, or the limit of ${plan.maxInFlight} in flight (-c), could not keep the rate.`,
    )
  }
  return notes
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
