import { signal } from '@preact/signals'

/** The page that the address names. */
export type Page =
  | { readonly name: 'overview' }
  | { readonly name: 'order'; readonly id: string }
  | { readonly name: 'missing' }

export const page = signal<Page>(pageOf(location.pathname))

export function pageOf(path: string): Page {
  if (path === '/') return { name: 'overview' }
  const order = /^\/orders\/([^/]+)$/u.exec(path)
  if (order?.[1] !== undefined) return { name: 'order', id: decodeURIComponent(order[1]) }
  return { name: 'missing' }
}

export function orderPath(id: string): string {
  return `/orders/${encodeURIComponent(id)}`
}

export function go(path: string): void {
  history.pushState(null, '', path)
  page.value = pageOf(location.pathname)
  window.scrollTo(0, 0)
}

/** Lets plain links change the page without loading it anew; anything unusual is left to the browser. */
export function handleLinks(): void {
  addEventListener('popstate', () => {
    page.value = pageOf(location.pathname)
  })
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest('a')
    const local = link !== null && link.target === '' && link.origin === location.origin
    if (!local || link.pathname === '/metrics') return
    event.preventDefault()
    go(link.pathname)
  })
}
