import type { Clock, Random } from '@tidemill/core'
import type { AccessLog } from '../access/index.ts'
import type { Traffic } from '../dataplane/index.ts'
import type { MetricsRegistry } from '../metrics.ts'
import type { RequestLog } from '../request-log.ts'
import { GatewayPassage } from './gateway-passage.ts'

/** What passages share. */
export interface TrafficContext {
  readonly configuration: { readonly revision: number }
  readonly metrics: MetricsRegistry
  readonly log: RequestLog
  /** Undefined: no access log is written. */
  readonly access: AccessLog | undefined
  readonly clock: Clock
  readonly random: Random
}

/** Decides where requests go: route, who may, limits, backend, breaker. */
export function createTraffic(context: TrafficContext): Traffic {
  const unmatched = context.metrics.open('', '')
  return {
    begin(view, listener) {
      const entry = listener.router.match(view)
      const passage = new GatewayPassage(context, view, entry?.target.counter ?? unmatched)
      if (listener.admits?.(view.clientAddress) === false) {
        const reason = 'the address of the client is not accepted here'
        passage.deny('UAEX', 'TM_GATEWAY_FORBIDDEN', { reason })
      } else if (entry === undefined) {
        passage.deny('NR', 'TM_GATEWAY_NO_ROUTE', { method: view.method, path: view.path })
      } else passage.route(entry)
      return passage
    },
    refuse(head, error, flag) {
      new GatewayPassage(context, head, unmatched).finish(error.http, flag, nothingSent, error)
    },
  }
}

const nothingSent = { bytesIn: 0, bytesOut: 0, attempts: 0, host: '' }
