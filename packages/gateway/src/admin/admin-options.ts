import type { Clock, Logger } from '@tidemill/core'
import type { MetricFamily } from '../prometheus.ts'
import type { GatewayRuntime } from '../runtime/gateway-runtime.ts'
import type { AdminObjects } from './admin-objects.ts'

/** What alerts from outside and the objectives of the routes offer; each throws on a body that is not valid. */
export interface AdminSlo {
  /** Takes the body of an Alertmanager webhook, version 4. */
  webhook(body: unknown): void | Promise<void>
  /** Takes the list that Prometheus posts to `/api/v2/alerts`. */
  alerts(body: unknown): void | Promise<void>
  metrics?(): readonly MetricFamily[]
  /** State of the objectives, as JSON. */
  status?(): unknown
}

export interface AdminOptions {
  readonly runtime: GatewayRuntime
  /** Default: `127.0.0.1:9180`. Port 0 takes any free one. */
  readonly listen?: { readonly address?: string; readonly port?: number }
  /** At least 16 characters; without it one is made. There is no default token. */
  readonly token?: string
  /** Objects are read-only elsewhere when it is missing: their paths answer 404. */
  readonly objects?: AdminObjects
  /** Whether every write of an object must say which version it replaces; default false. */
  readonly requirePreconditions?: boolean
  readonly slo?: AdminSlo
  /** False makes `/readyz` answer 503. */
  readonly ready?: () => boolean
  /** Whether the source of the objects answers; not in the metrics when it is missing. */
  readonly sourceUp?: () => boolean
  /** Seconds that the newest batch took until it was in force. */
  readonly applySeconds?: () => number | undefined
  /** Does what `POST /v1/drain` asks; default is the runtime's own drain. */
  readonly onDrain?: (graceMs: number, timeoutMs: number) => Promise<void>
  readonly logger?: Logger
  readonly clock?: Clock
}
