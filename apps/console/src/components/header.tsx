import type { VNode } from 'preact'
import { formatTime, formatUptime, language, setLanguage, t } from '../i18n/text.ts'
import { overview, staleSince } from '../live.ts'
import { setTheme, theme, type Theme } from '../theme.ts'
import { Icon } from './icon.tsx'

export function Header(): VNode {
  return (
    <header class="top">
      <a class="brand" href="/">
        <img src="/mark.svg" width="24" height="24" alt="" />
        {t('app.title')}
      </a>
      <Health />
      <span class="spacer" />
      <Stream />
      <select
        aria-label={t('nav.theme')}
        value={theme.value}
        onChange={(event) => setTheme(event.currentTarget.value as Theme)}
      >
        <option value="auto">{t('theme.auto')}</option>
        <option value="light">{t('theme.light')}</option>
        <option value="dark">{t('theme.dark')}</option>
      </select>
      <select
        aria-label={t('nav.language')}
        value={language.value}
        onChange={(event) => setLanguage(event.currentTarget.value === 'zh-CN' ? 'zh-CN' : 'en')}
      >
        <option value="en">English</option>
        <option value="zh-CN">中文</option>
      </select>
    </header>
  )
}

function Health(): VNode {
  const state = overview.value?.health.state
  const kind =
    state === undefined ? 'muted' : state === 'ok' ? 'ok' : state === 'degraded' ? 'warn' : 'error'
  return (
    <span class={`pill ${kind}`} role="status">
      <Icon kind={kind} />
      {t(`health.${state ?? 'unknown'}`)}
    </span>
  )
}

function Stream(): VNode | null {
  const since = staleSince.value
  const now = overview.value
  if (since !== undefined) {
    return (
      <span class="pill warn" role="alert">
        <Icon kind="warn" />
        {t('stream.stale', { time: formatTime(since) })}
      </span>
    )
  }
  if (now === undefined) return null
  return (
    <span class="quiet">
      {t('stream.live')} · {t('uptime', { time: formatUptime(now.uptimeMs) })} · {now.version}
    </span>
  )
}
