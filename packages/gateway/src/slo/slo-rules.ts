import { secondsBounds } from '../prometheus.ts'
import type { SloConfig, SloTier } from './slo-spec.ts'

export interface SloRulesOptions {
  /** `namespace/name`, the value of the label `route`. Default: the name of the objective. */
  readonly route?: string
  /** Further labels of every alert, such as `action`. */
  readonly labels?: Readonly<Record<string, string>>
}

/** What the gateway answered by itself, and clients that left, say nothing about the upstream. */
const ownFlags = 'CB|DC|DPE|LH|NB|NR|RD|RL|SLO|UAEX|UH|UO'

interface Sli {
  readonly id: string
  /** Ratio of bad events; `[w]` stands for the window. */
  readonly ratio: string
}

/**
 * The objective as Prometheus rules in the manner of Sloth (the same recording rules and alert labels), so that a
 * Prometheus that scrapes the gateway fires when the gateway does. Byte for byte the same for the same input. Requests
 * that are slow are a second objective, `<name>-latency`, at the bucket of the histogram at or above `latencyOver`.
 */
export function sloRules(name: string, config: SloConfig, options: SloRulesOptions = {}): string {
  const route = options.route ?? name
  const lines = ['groups:']
  for (const sli of slisOf(name, route, config)) {
    const labels = `sloth_id: ${quote(sli.id)}, sloth_service: "tidemill", sloth_slo: ${quote(sli.id)}`
    const select = `{sloth_id=${quote(sli.id)}, sloth_service="tidemill", sloth_slo=${quote(sli.id)}}`
    lines.push(`  - name: ${quote(`sloth-slo-sli-recordings-${sli.id}`)}`, '    rules:')
    for (const window of windowsOf(config)) {
      lines.push(
        `      - record: slo:sli_error:ratio_rate${window}`,
        `        expr: ${quote(sli.ratio.replaceAll('[w]', `[${window}]`))}`,
        `        labels: {${labels}, sloth_window: ${quote(window)}}`,
      )
    }
    lines.push(`  - name: ${quote(`sloth-slo-meta-recordings-${sli.id}`)}`, '    rules:')
    const meta: readonly (readonly [string, string])[] = [
      ['slo:objective:ratio', `vector(${decimal(config.objective)})`],
      ['slo:error_budget:ratio', `vector(${decimal(1 - config.objective)})`],
      ['slo:time_period:days', `vector(${decimal(config.periodMs / 86_400_000)})`],
    ]
    for (const [record, expr] of meta) {
      lines.push(
        `      - record: ${record}`,
        `        expr: ${quote(expr)}`,
        `        labels: {${labels}}`,
      )
    }
    lines.push(`  - name: ${quote(`sloth-slo-alerts-${sli.id}`)}`, '    rules:')
    for (const tier of config.tiers) {
      lines.push(...alert(sli.id, route, tier, select, config, options.labels ?? {}))
    }
  }
  return `${lines.join('\n')}\n`
}

function alert(
  id: string,
  route: string,
  tier: SloTier,
  select: string,
  config: SloConfig,
  extra: Readonly<Record<string, string>>,
): string[] {
  const limit = `(${decimal(tier.factor)} * ${decimal(1 - config.objective)})`
  const over = (ms: number): string =>
    `max(slo:sli_error:ratio_rate${promDuration(ms)}${select} > ${limit}) without (sloth_window)`
  const labels: Record<string, string> = {
    ...extra,
    objective: id,
    route,
    sloth_severity: tier.name.startsWith('page') ? 'page' : 'ticket',
    tier: tier.name,
  }
  const listed = Object.keys(labels)
    .toSorted()
    .map((key) => `${key}: ${quote(labels[key] as string)}`)
  return [
    '      - alert: TidemillSloBurn',
    `        expr: ${quote(`${over(tier.longMs)} and ${over(tier.shortMs)}`)}`,
    `        labels: {${listed.join(', ')}}`,
    `        annotations: {summary: ${quote(`${id} burns its error budget more than ${tier.factor} times too fast`)}}`,
  ]
}

function slisOf(name: string, route: string, config: SloConfig): readonly Sli[] {
  const all = `route=${quote(route)},flag!~"${ownFlags}"`
  const slis: Sli[] = [
    {
      id: name,
      // Without a failure yet there is no 5xx series: that is 0, not nothing.
      ratio: `(${requests(`${all},code_class="5xx"`)} or (0 * ${requests(all)})) / ${requests(all)}`,
    },
  ]
  if (Number.isFinite(config.latencyMs)) {
    const seconds = config.latencyMs / 1000
    const bound = secondsBounds.find((one) => one >= seconds)
    const le = bound === undefined ? '+Inf' : String(bound)
    const buckets = (bucket: string): string =>
      `sum(rate(tidemill_gw_request_seconds_bucket{route=${quote(route)},le="${bucket}"}[w]))`
    slis.push({ id: `${name}-latency`, ratio: `1 - ${buckets(le)} / ${buckets('+Inf')}` })
  }
  return slis
}

function windowsOf(config: SloConfig): readonly string[] {
  const lengths = new Set(config.tiers.flatMap(({ longMs, shortMs }) => [longMs, shortMs]))
  return Array.from(lengths)
    .toSorted((a, b) => a - b)
    .map(promDuration)
}

function requests(selector: string): string {
  return `sum(rate(tidemill_gw_requests_total{${selector}}[w]))`
}

const units: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]

/** The largest unit that divides it. */
function promDuration(ms: number): string {
  for (const [unit, size] of units) if (ms % size === 0) return `${ms / size}${unit}`
  return `${Math.round(ms)}ms`
}

/** Without the last bits of a double: 1 - 0.999 is 0.001. */
function decimal(value: number): string {
  return String(Number(value.toPrecision(12)))
}

/** A JSON string is a YAML string, and a PromQL one for the names that objects may have. */
function quote(text: string): string {
  return JSON.stringify(text)
}
