import type { VNode } from 'preact'
import { Header } from './components/header.tsx'
import { t } from './i18n/text.ts'
import { OrderPage } from './pages/order-page.tsx'
import { OverviewPage } from './pages/overview-page.tsx'
import { page } from './router.ts'

export function App(): VNode {
  return (
    <>
      <a class="skip" href="#content">
        {t('nav.skip')}
      </a>
      <Header />
      <main id="content" tabIndex={-1}>
        <CurrentPage />
      </main>
    </>
  )
}

function CurrentPage(): VNode {
  const current = page.value
  switch (current.name) {
    case 'overview':
      return <OverviewPage />
    case 'order':
      return <OrderPage key={current.id} id={current.id} />
    case 'missing':
      return <p class="empty">{t('page.missing')}</p>
  }
}
