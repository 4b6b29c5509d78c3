import {
  type Clock,
  type Logger,
  type Random,
  realClock,
  realRandom,
  silentLogger,
} from '@tidemill/core'
import type { AccessLogSettings } from '../access/index.ts'
import type { SocketAddress } from '../configuration/index.ts'
import type { SloSettings } from '../slo/index.ts'
import type { CoreOptions } from './gateway-core.ts'
import { type ListenRule, listenAddressOf } from './listen-rule.ts'

/** What a gateway is given besides its objects; nothing in it but the ports needs this process. */
export interface RuntimeOptions {
  /** Where Gateways are bound; default 127.0.0.1 and the ports that they say. */
  readonly listen?: readonly ListenRule[]
  /** A listener that takes every route whatever its parentRefs say. */
  readonly implicitListener?: SocketAddress
  /** Serves only Gateways whose GatewayClass names this controller; without it all. */
  readonly controllerName?: string
  /** Largest request body in bytes where no policy says otherwise; default 10 MiB. */
  readonly maxBodyBytes?: number
  /** How many of the last requests are remembered; default 1024. */
  readonly requestLogSize?: number
  /** Undefined: no access log. */
  readonly accessLog?: AccessLogSettings
  /** Of the objectives of all routes. */
  readonly slo?: SloSettings
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

export function coreOptions(options: RuntimeOptions): CoreOptions {
  const { listen, clock, random, logger, ...rest } = options
  return {
    ...rest,
    listenAddress: listenAddressOf(listen ?? []),
    clock: clock ?? realClock,
    random: random ?? realRandom,
    logger: logger ?? silentLogger,
  }
}
