import { signal } from '@preact/signals'

export type Theme = 'auto' | 'light' | 'dark'

const storageKey = 'tidemill.theme'

function stored(): Theme {
  const value = localStorage.getItem(storageKey)
  return value === 'light' || value === 'dark' ? value : 'auto'
}

export const theme = signal<Theme>(stored())

export function setTheme(next: Theme): void {
  theme.value = next
  localStorage.setItem(storageKey, next)
  document.documentElement.style.colorScheme = next === 'auto' ? 'light dark' : next
}
