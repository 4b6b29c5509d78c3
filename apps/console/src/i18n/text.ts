import { signal } from '@preact/signals'
import { en, type TextKey } from './en.ts'
import { zhCn } from './zh-cn.ts'

export type Language = 'en' | 'zh-CN'

const catalogues: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = {
  en,
  'zh-CN': zhCn,
}
const storageKey = 'tidemill.language'

function initial(): Language {
  const stored = localStorage.getItem(storageKey)
  if (stored === 'en' || stored === 'zh-CN') return stored
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}

/** The language in force; components that call {@link t} redraw when it changes. */
export const language = signal<Language>(initial())

export function setLanguage(next: Language): void {
  language.value = next
  localStorage.setItem(storageKey, next)
  document.documentElement.lang = next
}

/** The text of a key in the language in force, `{name}` filled from `values`. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return catalogues[language.value][key].replaceAll(/\{(\w+)\}/gu, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  )
}

/** The text of a key that is built at run time; the raw word when the catalogue lacks it. */
export function word(group: string, value: string): string {
  const catalogue: Readonly<Record<string, string>> = catalogues[language.value]
  return catalogue[`${group}.${value}`] ?? value
}

/** A customer's name for the page; the shop files orders without one under `guest`. */
export function customerName(customer: string | null | undefined): string {
  return customer === null || customer === undefined || customer === 'guest'
    ? t('order.guest')
    : customer
}

export function formatCount(value: number): string {
  return new Intl.NumberFormat(language.value).format(Math.round(value))
}

/** Minor units as money of that currency. */
export function formatMoney(minor: number, currency: string): string {
  return new Intl.NumberFormat(language.value, { style: 'currency', currency }).format(minor / 100)
}

export function formatTime(at: number | string): string {
  return new Intl.DateTimeFormat(language.value, { timeStyle: 'medium' }).format(new Date(at))
}

export function formatDateTime(at: number | string): string {
  return new Intl.DateTimeFormat(language.value, {
    dateStyle: 'medium',
    timeStyle: 'short',
  }).format(new Date(at))
}

export function formatUptime(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const shown = parts.filter(([value]) => value > 0).slice(0, 2)
  return shown.length === 0 ? '0s' : shown.map(([value, unit]) => `${value}${unit}`).join(' ')
}
