import type { Problem } from '@tidemill/core'
import type { ListenerPlan } from '../listener/listener-plan.ts'
import type { RouteEntry } from '../router/index.ts'
import { findShadows } from '../router/shadow.ts'
import { objectId } from './route-compiler.ts'

/**
 * Matches that no request reaches, by the id (`kind namespace/name`) of their route: on every listener and hostname
 * where they apply, another one takes all that they would.
 */
export function shadowWarnings(listeners: Iterable<ListenerPlan>): Map<string, Problem[]> {
  const places = new Map<string, { shadowed: number; total: number; by: string }>()
  for (const { router } of listeners) {
    for (const { hosts, entries } of router.installed()) {
      for (const entry of entries) {
        const place = placeOf(entry)
        const known = places.get(place)
        if (known === undefined) places.set(place, { shadowed: 0, total: hosts.length, by: '' })
        else known.total += hosts.length
      }
    }
    for (const { entry, by } of findShadows(router)) {
      const known = places.get(placeOf(entry))
      if (known === undefined) continue
      known.shadowed++
      const name = `rule ${by.ruleIndex} match ${by.matchIndex} of ${objectId(by)}`
      // One is enough to say, and always the same one.
      if (known.by === '' || name < known.by) known.by = name
    }
  }
  const warnings = new Map<string, Problem[]>()
  for (const [place, { shadowed, total, by }] of places) {
    if (shadowed < total) continue
    const cut = place.lastIndexOf(' ')
    const id = place.slice(0, cut)
    const list = warnings.get(id) ?? []
    list.push({ path: place.slice(cut + 1), message: `is never reached: ${by} takes all of it` })
    warnings.set(id, list)
  }
  return warnings
}

function placeOf(entry: RouteEntry): string {
  return `${objectId(entry)} /spec/rules/${entry.ruleIndex}/matches/${entry.matchIndex}`
}
