import type { VNode } from 'preact'
import { customerName, formatDateTime, formatMoney, t } from '../i18n/text.ts'
import { orders } from '../live.ts'
import { orderPath } from '../router.ts'
import { StatePill } from './state-pill.tsx'

export function OrdersTable(): VNode {
  const items = orders.value?.items ?? []
  if (items.length === 0) {
    return (
      <p class="empty">
        {t('orders.empty')} <code>tidemill up --demo</code>
      </p>
    )
  }
  return (
    <div class="scroll">
      <table class="orders">
        <thead>
          <tr>
            <th>{t('order.column.id')}</th>
            <th>{t('order.column.state')}</th>
            <th class="number">{t('order.column.total')}</th>
            <th>{t('order.column.customer')}</th>
            <th>{t('order.column.country')}</th>
            <th>{t('order.column.placed')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((order) => (
            <tr key={order.id}>
              <td>
                <a href={orderPath(order.id)}>{order.id}</a>
              </td>
              <td>
                <StatePill group="order.state" state={order.state} />
              </td>
              <td class="number">{formatMoney(order.total.amount, order.total.currency)}</td>
              <td>{customerName(order.customer)}</td>
              <td>{order.country}</td>
              <td class="when">{formatDateTime(order.placedAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
