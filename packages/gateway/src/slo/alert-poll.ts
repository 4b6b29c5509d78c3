import { isFields } from '../object-check.ts'
import type { AlertIntake, IntakeReport } from './alert-intake.ts'

/** Gets a URL as JSON; rejects when the answer is not 200 or is no JSON. */
export type FetchJson = (url: string) => Promise<unknown>

/**
 * Reads the alerts of a Prometheus once, at start: what was raised before it knew of this gateway is pushed again only
 * after a minute. Pending alerts do not count. Alerts hold for `holdMs` (default four minutes, as pushed ones): by
 * then the push has come, or nobody asks for them any more.
 */
export async function pollAlerts(
  intake: AlertIntake,
  prometheus: string,
  fetchJson: FetchJson,
  wallNow: number,
  holdMs = 240_000,
): Promise<IntakeReport> {
  const body = await fetchJson(`${prometheus.replace(/\/+$/u, '')}/api/v1/alerts`)
  const data = isFields(body) ? body['data'] : undefined
  const list = isFields(data) ? data['alerts'] : undefined
  if (!Array.isArray(list)) return { accepted: 0, problems: ['the answer holds no alerts'] }
  const endsAt = new Date(wallNow + holdMs).toISOString()
  const firing = list.filter((one) => isFields(one) && one['state'] === 'firing')
  return intake.alerts(
    firing.map((one) => ({ labels: (one as { labels?: unknown }).labels, endsAt })),
  )
}
