import type { VNode } from 'preact'
import type { HopDocument, RouteView } from '@tidemill/platform/documents'
import { t } from '../i18n/text.ts'
import { Icon } from './icon.tsx'

interface Props {
  readonly route: RouteView | null
  readonly hops: readonly HopDocument[]
}

/** The calls made for an order as bars on one axis of time: who waited for whom, and how much was left. */
export function OrderHops({ route, hops }: Props): VNode {
  const rows = route === null ? hops : [gatewayHop(route), ...hops]
  if (rows.length === 0) return <p class="quiet">{t('order.hops.none')}</p>
  const start = Math.min(...rows.map((hop) => hop.at))
  const span = Math.max(1, ...rows.map((hop) => hop.at - start + hop.ms))
  return (
    <div class="scroll">
      <table class="hops">
        <thead>
          <tr>
            <th>{t('order.hops.call')}</th>
            <th class="bars">{t('order.hops.time', { ms: span.toFixed(0) })}</th>
            <th class="number">{t('order.hops.took')}</th>
            <th class="number">{t('order.hops.left')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((hop, i) => {
            const state = hop.status === 'OK' ? 'ok' : 'error'
            const left = (100 * (hop.at - start)) / span
            const width = Math.max(0.5, (100 * hop.ms) / span)
            return (
              <tr key={`${i}${hop.to}`} class={state}>
                <td>
                  <Icon kind={state} /> {hop.from} → <b>{hop.to}</b>{' '}
                  <span class="quiet">{hop.call}</span>
                  {state === 'error' && <small class="why">{hop.status}</small>}
                </td>
                <td class="bars">
                  <i style={{ marginLeft: `${Math.min(left, 99.5)}%`, width: `${width}%` }} />
                </td>
                <td class="number">{t('order.hops.ms', { ms: hop.ms.toFixed(1) })}</td>
                <td class="number">
                  {hop.leftMs === null ? '' : t('order.hops.ms', { ms: hop.leftMs.toFixed(0) })}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

/** The gateway's record of the request that placed the order, as the first hop. */
function gatewayHop(route: RouteView): HopDocument {
  const { at, ms, status, upstream, route: call } = route
  return {
    at,
    from: 'gateway',
    to: upstream.slice(upstream.indexOf('/') + 1),
    call,
    ms,
    status: status < 500 ? 'OK' : String(status),
    leftMs: null,
  }
}
