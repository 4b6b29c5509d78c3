import type { VNode } from 'preact'
import { OrdersTable } from '../components/orders-table.tsx'
import { Picture } from '../components/picture.tsx'
import { Sparkline } from '../components/sparkline.tsx'
import { formatCount, formatTime, t } from '../i18n/text.ts'
import { overview, rateHistory } from '../live.ts'
import { go, orderPath } from '../router.ts'

export function OverviewPage(): VNode {
  return (
    <>
      <Totals />
      <section aria-labelledby="picture-title">
        <h2 id="picture-title">{t('picture.title')}</h2>
        <p class="quiet">{t('picture.help')}</p>
        <Reasons />
        <Picture />
      </section>
      <div class="columns">
        <section aria-labelledby="orders-title">
          <div class="row">
            <h2 id="orders-title">{t('orders.title')}</h2>
            <FindOrder />
          </div>
          <OrdersTable />
        </section>
        <section aria-labelledby="recent-title">
          <h2 id="recent-title">{t('recent.title')}</h2>
          <Recent />
        </section>
      </div>
    </>
  )
}

function shown(value: number | undefined): string {
  return value === undefined ? '–' : formatCount(value)
}

function Totals(): VNode {
  const totals = overview.value?.totals
  return (
    <dl class="totals">
      <div class="wide">
        <dt>{t('totals.rate')}</dt>
        <dd>{shown(totals?.ordersPerMinute)}</dd>
        <Sparkline values={rateHistory.value} label={t('totals.rate')} />
      </div>
      <div>
        <dt>{t('totals.confirmed')}</dt>
        <dd>{shown(totals?.confirmed)}</dd>
      </div>
      <div>
        <dt>{t('totals.pending')}</dt>
        <dd>{shown(totals?.pending)}</dd>
      </div>
      <div>
        <dt>{t('totals.cancelled')}</dt>
        <dd>{shown(totals?.cancelled)}</dd>
      </div>
      <div class={(totals?.stuck ?? 0) > 0 ? 'alarm' : ''}>
        <dt>{t('totals.stuck')}</dt>
        <dd>{shown(totals?.stuck)}</dd>
      </div>
    </dl>
  )
}

function Reasons(): VNode | null {
  const reasons = overview.value?.health.reasons ?? []
  if (reasons.length === 0) return null
  return (
    <ul class="reasons">
      {reasons.map((reason) => (
        <li key={reason.text}>{reason.text}</li>
      ))}
    </ul>
  )
}

function Recent(): VNode {
  const recent = overview.value?.recent ?? []
  if (recent.length === 0) return <p class="empty">{t('recent.empty')}</p>
  return (
    <ol class="recent">
      {recent.map((entry) => (
        <li key={`${entry.at}${entry.text}`}>
          <time>{formatTime(entry.at)}</time> {entry.text}
        </li>
      ))}
    </ol>
  )
}

function FindOrder(): VNode {
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        const id = new FormData(event.currentTarget).get('id')
        if (typeof id === 'string' && id.trim() !== '') go(orderPath(id.trim()))
      }}
    >
      <input
        name="id"
        aria-label={t('orders.find')}
        placeholder={t('orders.find.placeholder')}
        autoComplete="off"
      />
      <button type="submit">{t('orders.find.go')}</button>
    </form>
  )
}
