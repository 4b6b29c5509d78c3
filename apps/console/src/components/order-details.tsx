import type { ComponentChildren, VNode } from 'preact'
import type { FollowedOrderDocument, SagaStepDocument } from '@tidemill/platform/documents'
import { customerName, formatDateTime, formatMoney, t, word } from '../i18n/text.ts'
import { Icon, iconOf } from './icon.tsx'
import { OrderHops } from './order-hops.tsx'
import { StatePill } from './state-pill.tsx'

const shownLines = 20

export function OrderDetails({ followed }: { readonly followed: FollowedOrderDocument }): VNode {
  const { order } = followed
  return (
    <>
      <div class="row">
        <h1>{t('order.title', { id: order.id })}</h1>
        <StatePill group="order.state" state={order.state} />
      </div>
      <p class="facts">
        <strong>{formatMoney(order.total.amount, order.total.currency)}</strong>
        <span>
          {order.lines.length === 1
            ? t('order.line.one')
            : t('order.lines', { count: order.lines.length })}
        </span>
        <span>{customerName(order.customer)}</span>
        {order.country !== undefined && <span>{order.country}</span>}
        {order.placedAt !== undefined && <span>{formatDateTime(order.placedAt)}</span>}
      </p>
      <div class="columns even">
        <div>
          <Card title={t('order.route')}>
            <Route followed={followed} />
          </Card>
          <Card title={t('order.saga')}>
            <Saga followed={followed} />
          </Card>
          <Card title={t('order.payments')}>
            <Payments followed={followed} />
          </Card>
          <Card title={t('order.events')}>
            <Events followed={followed} />
          </Card>
        </div>
        <div>
          <Card title={t('order.path')}>
            <Timeline followed={followed} />
          </Card>
        </div>
      </div>
      <Card title={t('order.hops')}>
        <OrderHops route={followed.route} hops={followed.hops ?? []} />
      </Card>
      <Card title={t('order.items')}>
        <Lines followed={followed} />
      </Card>
      <Card title={t('order.stock')}>
        <Stock followed={followed} />
      </Card>
    </>
  )
}

interface Part {
  readonly followed: FollowedOrderDocument
}

function Card({
  title,
  children,
}: {
  readonly title: string
  readonly children: ComponentChildren
}): VNode {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  )
}

function Route({ followed: { route } }: Part): VNode {
  if (route === null) return <p class="quiet">{t('order.route.gone')}</p>
  return (
    <p>
      {t('order.route.text', {
        route: route.route,
        upstream: route.upstream,
        status: route.status,
        ms: route.ms.toFixed(1),
      })}
      <br />
      <code class="quiet">{route.requestId}</code>
    </p>
  )
}

function Saga({ followed: { saga } }: Part): VNode {
  if (saga === null) return <p class="quiet">{t('order.saga.none')}</p>
  const forward = saga.steps.filter((step) => step.direction === 'action')
  const back = saga.steps.filter((step) => step.direction === 'compensate')
  return (
    <>
      <p class="row">
        <StatePill group="saga.state" state={saga.state} />
        <code class="quiet">{saga.id}</code>
      </p>
      <StepRow steps={forward} direction="action" />
      {back.length > 0 && <StepRow steps={back} direction="compensate" />}
    </>
  )
}

function StepRow({
  steps,
  direction,
}: {
  readonly steps: readonly SagaStepDocument[]
  readonly direction: string
}): VNode {
  return (
    <ol class={`steps ${direction}`} aria-label={word('order.direction', direction)}>
      {steps.map((step) => {
        const kind = iconOf(step.state)
        return (
          <li key={`${step.name}${step.direction}`} class={kind}>
            <Icon kind={kind} />
            <span>
              <b>{step.name}</b>
              <small>
                {word('step.state', step.state)} ·{' '}
                {step.attempts === 1
                  ? t('order.attempt.one')
                  : t('order.attempts', { count: step.attempts })}
              </small>
              {typeof step.error === 'string' && <small class="why">{step.error}</small>}
            </span>
          </li>
        )
      })}
    </ol>
  )
}

function Payments({ followed: { payments } }: Part): VNode {
  if (payments.length === 0) return <p class="quiet">{t('order.payments.none')}</p>
  return (
    <ul class="plain">
      {payments.map((payment) => (
        <li key={payment.id} class="row">
          <span>{word('order.payment', payment.kind)}</span>
          <strong>{formatMoney(payment.amount, payment.currency)}</strong>
          <StatePill group="payment.state" state={payment.state} />
        </li>
      ))}
    </ul>
  )
}

function Events({ followed: { events } }: Part): VNode {
  if (events.length === 0) return <p class="quiet">{t('order.events.none')}</p>
  return (
    <ol class="plain events">
      {events.map((event) => (
        <li key={event.position}>
          <details>
            <summary>
              <code class="quiet">{event.position}</code> <b>{event.type}</b>{' '}
              <span class="quiet">v{event.version}</span>
            </summary>
            <pre>{JSON.stringify(event.data, null, 2)}</pre>
          </details>
        </li>
      ))}
    </ol>
  )
}

function Timeline({ followed: { timeline } }: Part): VNode {
  const start = timeline[0]?.at ?? 0
  return (
    <ol class="timeline">
      {timeline.map((entry, i) => (
        <li key={`${i}${entry.title}`} class={entry.state}>
          <Icon kind={entry.state} />
          <div>
            <b>{entry.title}</b> <span class="quiet">{word('system', entry.system)}</span>
            {entry.detail !== undefined && <small>{entry.detail}</small>}
          </div>
          <time>{t('order.after', { ms: entry.at - start })}</time>
        </li>
      ))}
    </ol>
  )
}

function Lines({ followed: { order } }: Part): VNode {
  const { currency } = order.total
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>{t('order.item.sku')}</th>
            <th>{t('order.item.description')}</th>
            <th class="number">{t('order.item.quantity')}</th>
            <th class="number">{t('order.item.price')}</th>
          </tr>
        </thead>
        <tbody>
          {order.lines.slice(0, shownLines).map((line, i) => (
            <tr key={`${i}${line.sku}`}>
              <td>{line.sku}</td>
              <td>{line.description ?? ''}</td>
              <td class="number">{line.quantity}</td>
              <td class="number">{formatMoney(line.unitPrice, currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <More count={order.lines.length - shownLines} />
    </div>
  )
}

function Stock({ followed: { stock } }: Part): VNode {
  if (stock.length === 0) return <p class="quiet">{t('order.stock.none')}</p>
  return (
    <>
      <p class="chips">
        {stock.slice(0, shownLines).map((move, i) => (
          <span
            key={`${i}${move.sku}${move.direction}`}
          >{`${move.sku} ${move.quantity > 0 ? '+' : ''}${move.quantity}`}</span>
        ))}
      </p>
      <More count={stock.length - shownLines} />
    </>
  )
}

function More({ count }: { readonly count: number }): VNode | null {
  return count > 0 ? <p class="quiet">{t('order.more', { count })}</p> : null
}
