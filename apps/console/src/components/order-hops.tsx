import type { VNode } from 'preact'
import type { HopDocument, RouteView } from '@tidemill/platform/documents'
import { t } from '../i18n/text.ts'
import { Icon } from './icon.tsx'

interface Props {
  readonly route: RouteView | null
  readonly hops: readonly HopDocument[]
}

/** A pause longer than this ends a burst: a refund days later must not flatten the bars of the order. */
const pauseMs = 250

/**
 * The calls made for an order as bars on an axis of time: who waited for whom, and how much was left. Each burst of
 * calls has an axis of its own.
 */
export function OrderHops({ route, hops }: Props): VNode {
  const rows = route === null ? hops : [gatewayHop(route), ...hops]
  const [first] = rows
  if (first === undefined) return <p class="quiet">{t('order.hops.none')}</p>
  return (
    <div class="scroll">
      <table class="hops">
        <thead>
          <tr>
            <th>{t('order.hops.call')}</th>
            <th class="bars">{t('order.hops.time')}</th>
            <th class="number">{t('order.hops.took')}</th>
            <th class="number">{t('order.hops.left')}</th>
          </tr>
        </thead>
        {burstsOf(rows).map((burst) => (
          <Burst key={burst.start} burst={burst} afterMs={burst.start - first.at} />
        ))}
      </table>
    </div>
  )
}

interface BurstOfHops {
  readonly start: number
  end: number
  readonly hops: HopDocument[]
}

function burstsOf(rows: readonly HopDocument[]): readonly BurstOfHops[] {
  const bursts: BurstOfHops[] = []
  for (const hop of rows) {
    const last = bursts.at(-1)
    const end = hop.at + hop.ms
    if (last === undefined || hop.at > last.end + pauseMs) {
      bursts.push({ start: hop.at, end, hops: [hop] })
    } else {
      last.hops.push(hop)
      last.end = Math.max(last.end, end)
    }
  }
  return bursts
}

function Burst({
  burst: { start, end, hops },
  afterMs,
}: {
  readonly burst: BurstOfHops
  readonly afterMs: number
}): VNode {
  const span = Math.max(1, end - start)
  return (
    <tbody>
      {afterMs > 0 && (
        <tr class="quiet">
          <td colSpan={4}>{t('order.after', { ms: afterMs })}</td>
        </tr>
      )}
      {hops.map((hop, i) => {
        const state = hop.status === 'OK' ? 'ok' : 'error'
        const left = Math.min(99, (100 * (hop.at - start)) / span)
        const width = Math.min(100 - left, Math.max(1, (100 * hop.ms) / span))
        return (
          <tr key={`${i}${hop.to}`} class={state}>
            <td>
              <Icon kind={state} /> {hop.from} → <b>{hop.to}</b>{' '}
              <span class="quiet">{hop.call}</span>
              {state === 'error' && <small class="why"> {hop.status}</small>}
            </td>
            <td class="bars">
              <i style={{ marginLeft: `${left}%`, width: `${width}%` }} />
            </td>
            <td class="number">{t('order.hops.ms', { ms: hop.ms.toFixed(1) })}</td>
            <td class="number">
              {hop.leftMs === null ? '' : t('order.hops.ms', { ms: hop.leftMs.toFixed(0) })}
            </td>
          </tr>
        )
      })}
    </tbody>
  )
}

/** The gateway's record of the request that placed the order, as the first hop. */
function gatewayHop(route: RouteView): HopDocument {
  const { at, ms, status, upstream, timeoutMs, route: call } = route
  return {
    at,
    from: 'gateway',
    to: upstream.slice(upstream.indexOf('/') + 1),
    call,
    ms,
    status: status < 500 ? 'OK' : String(status),
    leftMs: timeoutMs,
  }
}
