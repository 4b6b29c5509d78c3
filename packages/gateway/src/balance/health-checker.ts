import type { Clock, Random, Timer } from '@tidemill/core'
import type { HealthCheckConfig } from './health-check-spec.ts'
import { HealthState } from './health-state.ts'
import type { Host } from './host.ts'

/** Asks one host. Connections are kept between checks. */
export interface Probe {
  /**
   * Starts a check; `done` is called once in a later turn, with what was wrong or with undefined when it passed, unless
   * `cancel` or `close` comes before. Not called while one is under way.
   */
  check(done: (failure: string | undefined) => void): void
  /** Gives the check under way up; what it left behind is not used again. */
  cancel(): void
  close(): void
}

/** Makes the probe of a host. */
export type ProbeFactory = (host: Host) => Probe

/** A host has changed, or was checked for the first time. */
export interface HealthEvent {
  readonly host: Host
  readonly healthy: boolean
  /** Why it became unhealthy; empty otherwise. */
  readonly reason: string
}

/**
 * Checks the hosts of one cluster and sets `host.healthy`. A host is unhealthy until its first check, which starts at
 * once; give hosts to the checker before the balancer.
 */
export interface HealthChecker {
  /** Replaces the hosts; those that stay keep their state and schedule. */
  hosts(list: readonly Host[]): void
  /** Other settings for the checks from now on; states stay. */
  update(config: HealthCheckConfig, probe: ProbeFactory): void
  /** Checks since it was made. */
  readonly passed: number
  readonly failed: number
  /** Stops; all hosts count as healthy. */
  close(): void
}

export interface HealthCheckerPorts {
  readonly clock: Clock
  readonly random: Random
  readonly probe: ProbeFactory
  /** After the host was changed; tell the balancer here (`changed`). */
  readonly onEvent: (event: HealthEvent) => void
  /** Each check that passed: tell the outlier detector here (`recovered`). */
  readonly onPassed?: (host: Host) => void
}

export function createHealthChecker(
  config: HealthCheckConfig,
  ports: HealthCheckerPorts,
): HealthChecker {
  return new Checker(config, ports)
}

class Checker implements HealthChecker {
  readonly ports: HealthCheckerPorts
  config: HealthCheckConfig
  #probe: ProbeFactory
  readonly #checks = new Map<Host, HostCheck>()
  #closed = false
  passed = 0
  failed = 0

  constructor(config: HealthCheckConfig, ports: HealthCheckerPorts) {
    this.config = config
    this.ports = ports
    this.#probe = ports.probe
  }

  hosts(list: readonly Host[]): void {
    if (this.#closed) return
    const wanted = new Set(list)
    for (const [host, check] of this.#checks) {
      if (wanted.has(host)) continue
      check.close()
      this.#checks.delete(host)
    }
    for (const host of wanted) {
      if (this.#checks.has(host)) continue
      host.healthy = false
      this.#checks.set(host, new HostCheck(this, host, this.#probe(host)))
    }
  }

  update(config: HealthCheckConfig, probe: ProbeFactory): void {
    if (this.#closed) return
    this.config = config
    this.#probe = probe
    for (const [host, check] of this.#checks) check.replace(probe(host))
  }

  close(): void {
    this.#closed = true
    for (const [host, check] of this.#checks) {
      check.close()
      host.healthy = true
    }
    this.#checks.clear()
  }
}

/** The checks of one host, one at a time. */
class HostCheck {
  readonly #checker: Checker
  readonly #host: Host
  #probe: Probe
  readonly #state = new HealthState()
  /** The end of the check under way, or the start of the next one. */
  #timer: Timer | undefined = undefined
  /** Tells the answer to the check under way from one that comes too late. */
  #round = 0

  constructor(checker: Checker, host: Host, probe: Probe) {
    this.#checker = checker
    this.#host = host
    this.#probe = probe
    this.#start()
  }

  replace(probe: Probe): void {
    this.close()
    this.#probe = probe
    this.#start()
  }

  close(): void {
    this.#round++
    this.#timer?.cancel()
    this.#timer = undefined
    this.#probe.close()
  }

  #start(): void {
    const { config, ports } = this.#checker
    const round = ++this.#round
    this.#timer = ports.clock.timer(
      config.timeoutMs,
      () => {
        this.#probe.cancel()
        this.#done(round, `no answer within ${config.timeoutMs} ms`)
      },
      { ref: false },
    )
    this.#probe.check((failure) => this.#done(round, failure))
  }

  #done(round: number, failure: string | undefined): void {
    if (round !== this.#round) return
    const { config, ports } = this.#checker
    this.#round++
    this.#timer?.cancel()
    const factor = 1 + config.jitter * (2 * ports.random.next() - 1)
    this.#timer = ports.clock.timer(config.intervalMs * factor, () => this.#start(), { ref: false })
    // Listeners come last: they may close the checker.
    this.#count(failure)
  }

  #count(failure: string | undefined): void {
    const { config, ports } = this.#checker
    const host = this.#host
    const passed = failure === undefined
    if (passed) this.#checker.passed++
    else this.#checker.failed++
    if (this.#state.checked(passed, config.healthy, config.unhealthy)) {
      host.healthy = passed
      if (passed) host.since = ports.clock.monotonic()
      ports.onEvent({ host, healthy: passed, reason: failure ?? '' })
    }
    if (passed) ports.onPassed?.(host)
  }
}
