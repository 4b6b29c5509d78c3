import { effect, signal } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { FollowedOrderDocument } from '@tidemill/platform/documents'
import { ApiError, getJson } from '../api.ts'
import { OrderDetails } from '../components/order-details.tsx'
import { t } from '../i18n/text.ts'
import { orders } from '../live.ts'

type Loaded =
  | { readonly state: 'loading' }
  | { readonly state: 'missing' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'here'; readonly order: FollowedOrderDocument }

const settled = new Set(['confirmed', 'cancelled'])

/** One order followed across the platform; loads again while it is under way and the platform reports news. */
export function OrderPage({ id }: { readonly id: string }): VNode {
  const [loaded] = useState(() => signal<Loaded>({ state: 'loading' }))
  const [attempt] = useState(() => signal(0))
  useEffect(() => {
    const controller = new AbortController()
    let busy = false
    const load = async (): Promise<void> => {
      if (busy) return
      busy = true
      try {
        const path = `/api/v1/orders/${encodeURIComponent(id)}`
        const order = await getJson<FollowedOrderDocument>(path, controller.signal)
        loaded.value = { state: 'here', order }
      } catch (error) {
        if (controller.signal.aborted) return
        loaded.value =
          error instanceof ApiError && error.status === 404
            ? { state: 'missing' }
            : { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
      } finally {
        busy = false
      }
    }
    const stop = effect(() => {
      const news = orders.value?.rev
      const again = attempt.value
      const now = loaded.peek()
      const over = now.state === 'here' && settled.has(now.order.order.state)
      if (!over || news === undefined || again > 0) void load()
    })
    return () => {
      stop()
      controller.abort()
    }
  }, [id])
  return (
    <>
      <p class="crumb">
        <a href="/">{t('order.back')}</a>
      </p>
      <Body id={id} loaded={loaded.value} retry={() => attempt.value++} />
    </>
  )
}

function Body(props: {
  readonly id: string
  readonly loaded: Loaded
  readonly retry: () => void
}): VNode {
  const { id, loaded, retry } = props
  switch (loaded.state) {
    case 'loading':
      return <p class="empty">{t('order.loading')}</p>
    case 'missing':
      return <p class="empty">{t('order.missing', { id })}</p>
    case 'failed':
      return (
        <p class="empty" role="alert">
          {t('order.failed', { reason: loaded.reason })}{' '}
          <button type="button" onClick={retry}>
            {t('order.retry')}
          </button>
        </p>
      )
    case 'here':
      return <OrderDetails followed={loaded.order} />
  }
}
