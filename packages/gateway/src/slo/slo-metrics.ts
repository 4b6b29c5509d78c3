import type { MetricFamily, MetricSeries } from '../prometheus.ts'
import type { SloStatus } from './slo-engine.ts'

/** Objectives as Prometheus families; the label `objective` is the route. */
export function sloMetrics(list: readonly SloStatus[]): readonly MetricFamily[] {
  const burn: MetricSeries[] = []
  const budget: MetricSeries[] = []
  const action: MetricSeries[] = []
  for (const { route, tiers, budgetRemaining, action: state } of list) {
    for (const tier of tiers) {
      // Without events there is no rate: a series that is missing says so, NaN breaks alerts.
      const windows: readonly (readonly [number, number])[] = [
        [tier.longMs, tier.long],
        [tier.shortMs, tier.short],
      ]
      for (const [ms, value] of windows) {
        const window = `${Math.round(ms / 1000)}s`
        const labels = ['objective', route, 'tier', tier.name, 'window', window]
        if (!Number.isNaN(value)) burn.push({ labels, value })
      }
    }
    budget.push({ labels: ['objective', route], value: budgetRemaining })
    action.push({ labels: ['objective', route, 'action', state], value: 1 })
  }
  return [
    family('burn_rate', 'How many times as fast as allowed the budget is spent.', burn),
    family('budget_remaining', 'Part of the budget of the period that is left.', budget),
    family('action', '1 for the action in force.', action),
  ]
}

function family(name: string, help: string, series: readonly MetricSeries[]): MetricFamily {
  return { name: `tidemill_gw_slo_${name}`, type: 'gauge', merge: 'max', help, series }
}
