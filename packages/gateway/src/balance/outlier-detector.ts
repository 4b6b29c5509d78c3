import type { Clock, Timer } from '@tidemill/core'
import { type AttemptOutcome, attempt, type Host, isFailure, isUsable } from './host.ts'
import type { OutlierConfig } from './outlier-spec.ts'

/** Why a host was ejected. */
export type EjectionReason =
  | 'consecutive-5xx'
  | 'consecutive-gateway-errors'
  | 'consecutive-connect-failures'
  | 'success-rate'
  | 'failure-percentage'

/** A host left the balancer, came back, or would have left if not too many had already. */
export type OutlierEvent =
  | {
      readonly kind: 'ejected'
      readonly host: Host
      readonly reason: EjectionReason
      readonly ms: number
    }
  | { readonly kind: 'spared'; readonly host: Host; readonly reason: EjectionReason }
  | { readonly kind: 'returned'; readonly host: Host; readonly by: 'time' | 'health-check' }

/** Ejects hosts of one cluster that fail where others do not. Sets `host.ejected`. */
export interface OutlierDetector {
  /** The outcome of one attempt; allocates nothing unless it ejects. */
  record(host: Host, outcome: AttemptOutcome): void
  /** Replaces the hosts; what is known of those that stay is kept. */
  hosts(list: readonly Host[]): void
  /** Other settings from now on; ejections that run keep their end. */
  update(config: OutlierConfig): void
  /** An active health check of the host has succeeded: an ejected one comes back at once. */
  recovered(host: Host): void
  /** Ejected now. */
  readonly ejected: number
  /** Ejections since it was made. */
  readonly ejections: number
  /** Ejections that were not made since too many hosts were ejected. */
  readonly spared: number
  /** Stops; ejected hosts come back. */
  close(): void
}

export interface OutlierPorts {
  readonly clock: Clock
  /** After the host was changed; tell the balancer here (`changed`). */
  readonly onEvent: (event: OutlierEvent) => void
}

export function createOutlierDetector(config: OutlierConfig, ports: OutlierPorts): OutlierDetector {
  return new Detector(config, ports)
}

class Detector implements OutlierDetector {
  #config: OutlierConfig
  readonly #ports: OutlierPorts
  #hosts: readonly Host[] = []
  #timer: Timer | undefined = undefined
  #timerAt = Infinity
  #sweepAt: number
  #closed = false
  ejected = 0
  ejections = 0
  spared = 0

  constructor(config: OutlierConfig, ports: OutlierPorts) {
    this.#config = config
    this.#ports = ports
    this.#sweepAt = ports.clock.monotonic() + config.intervalMs
  }

  record(host: Host, outcome: AttemptOutcome): void {
    if (outcome === attempt.aborted) return
    const counts = host.counts
    counts.total++
    if (!isFailure(outcome)) {
      counts.serverErrors = 0
      counts.gatewayErrors = 0
      counts.connectFailures = 0
      return
    }
    counts.failed++
    counts.serverErrors++
    counts.gatewayErrors = isGatewayError(outcome) ? counts.gatewayErrors + 1 : 0
    counts.connectFailures = outcome === attempt.connect ? counts.connectFailures + 1 : 0
    // Requests that were under way when it was ejected say nothing new.
    if (!host.ejected) this.#judge(host)
  }

  #judge(host: Host): void {
    const counts = host.counts
    const config = this.#config
    if (config.connectFailures > 0 && counts.connectFailures >= config.connectFailures) {
      this.#eject(host, 'consecutive-connect-failures')
    } else if (config.gatewayErrors > 0 && counts.gatewayErrors >= config.gatewayErrors) {
      this.#eject(host, 'consecutive-gateway-errors')
    } else if (config.serverErrors > 0 && counts.serverErrors >= config.serverErrors) {
      this.#eject(host, 'consecutive-5xx')
    }
  }

  hosts(list: readonly Host[]): void {
    if (this.#closed) return
    const staying = new Set(list)
    // One that leaves and is used elsewhere later must not stay ejected with nobody to bring it back.
    for (const host of this.#hosts) {
      if (host.ejected && !staying.has(host)) host.ejected = false
    }
    this.#hosts = list
    this.ejected = list.reduce((sum, host) => sum + (host.ejected ? 1 : 0), 0)
    this.#arm()
  }

  update(config: OutlierConfig): void {
    this.#config = config
    this.#sweepAt = Math.min(this.#sweepAt, this.#ports.clock.monotonic() + config.intervalMs)
    this.#arm()
  }

  recovered(host: Host): void {
    if (host.ejected && this.#hosts.includes(host)) this.#return(host, 'health-check')
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    for (const host of this.#hosts) host.ejected = false
    this.ejected = 0
    this.#hosts = []
  }

  #eject(host: Host, reason: EjectionReason): void {
    const counts = host.counts
    resetStreaks(host)
    if (this.#closed || !this.#hosts.includes(host)) return
    if (!this.#mayEject(host)) {
      this.spared++
      this.#ports.onEvent({ kind: 'spared', host, reason })
      return
    }
    const { ejectionMs, maxEjectionMs } = this.#config
    const ms = Math.min(ejectionMs * (counts.ejections + 1), maxEjectionMs)
    // Beyond the cap the count would only make the way back to a short ejection longer.
    if (ejectionMs * (counts.ejections + 1) < maxEjectionMs) counts.ejections++
    counts.until = this.#ports.clock.monotonic() + ms
    host.ejected = true
    this.ejected++
    this.ejections++
    this.#arm()
    this.#ports.onEvent({ kind: 'ejected', host, reason, ms })
  }

  #mayEject(host: Host): boolean {
    const after = this.ejected + 1
    if (after * 100 > this.#config.maxPercent * this.#hosts.length) return false
    return this.#hosts.some((other) => other !== host && isUsable(other))
  }

  #return(host: Host, by: 'time' | 'health-check'): void {
    host.ejected = false
    this.ejected--
    resetStreaks(host)
    host.counts.total = 0
    host.counts.failed = 0
    this.#ports.onEvent({ kind: 'returned', host, by })
  }

  /** One timer for the next sweep and the next return, whichever comes first. */
  #arm(): void {
    if (this.#closed) return
    let at = this.#hosts.length === 0 ? Infinity : this.#sweepAt
    for (const host of this.#hosts) if (host.ejected) at = Math.min(at, host.counts.until)
    if (this.#timer !== undefined && at === this.#timerAt) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = at
    if (at === Infinity) return
    const ms = Math.max(0, at - this.#ports.clock.monotonic())
    this.#timer = this.#ports.clock.timer(ms, () => this.#wake(), { ref: false })
  }

  #wake(): void {
    this.#timer = undefined
    const now = this.#ports.clock.monotonic()
    // An event's listener may replace the hosts: the list at hand stays as it is.
    const hosts = this.#hosts
    if (now >= this.#sweepAt) {
      // Before the returns: the multiplier falls only by a whole interval out of ejection.
      for (const host of hosts) {
        if (!host.ejected && host.counts.ejections > 0) host.counts.ejections--
      }
    }
    for (const host of hosts) {
      if (host.ejected && now >= host.counts.until) this.#return(host, 'time')
    }
    if (now >= this.#sweepAt) {
      this.#sweep(hosts)
      const { intervalMs } = this.#config
      // A process that slept through several intervals sweeps once.
      this.#sweepAt += Math.max(1, Math.ceil((now - this.#sweepAt) / intervalMs)) * intervalMs
      if (this.#sweepAt <= now) this.#sweepAt = now + intervalMs
    }
    this.#arm()
  }

  #sweep(hosts: readonly Host[]): void {
    const config = this.#config
    const bySuccess = hosts.filter((each) => counted(each, config.rateMinRequests))
    const byPercent = hosts.filter((each) => counted(each, config.percentMinRequests))
    if (bySuccess.length >= config.rateMinHosts) {
      const least = leastSuccess(bySuccess, config.rateFactor)
      for (const host of bySuccess) if (success(host) < least) this.#eject(host, 'success-rate')
    }
    if (byPercent.length >= config.percentMinHosts) {
      for (const host of byPercent) {
        const { failed, total } = host.counts
        if (!host.ejected && failed * 100 >= config.percent * total) {
          this.#eject(host, 'failure-percentage')
        }
      }
    }
    for (const host of hosts) {
      host.counts.total = 0
      host.counts.failed = 0
    }
  }
}

function isGatewayError(outcome: AttemptOutcome): boolean {
  return outcome < 0 || (outcome >= 502 && outcome <= 504)
}

function resetStreaks(host: Host): void {
  host.counts.serverErrors = 0
  host.counts.gatewayErrors = 0
  host.counts.connectFailures = 0
}

function counted(host: Host, least: number): boolean {
  return !host.ejected && host.counts.total >= least
}

function success(host: Host): number {
  return 1 - host.counts.failed / host.counts.total
}

/** The part of successes below which a host is an outlier: mean - factor * sigma (of the population). */
function leastSuccess(hosts: readonly Host[], factor: number): number {
  const mean = hosts.reduce((sum, host) => sum + success(host), 0) / hosts.length
  const variance = hosts.reduce((sum, host) => sum + (success(host) - mean) ** 2, 0) / hosts.length
  // Hosts that are all alike differ from their mean by rounding.
  return mean - factor * Math.sqrt(variance) - 1e-9
}
