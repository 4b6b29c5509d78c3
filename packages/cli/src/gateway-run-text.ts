import type { LayerChange, ManifestProblem } from '@tidemill/gateway/admin'
import { placeOf } from './gateway-manifests.ts'

/** What a change of the files did, in one line. */
export function changeText(change: LayerChange): string {
  const { added, changed, removed, revision, ms } = change
  const parts = [
    ...(added.length > 0 ? [`added ${names(added)}`] : []),
    ...(changed.length > 0 ? [`changed ${names(changed)}`] : []),
    ...(removed.length > 0 ? [`removed ${names(removed)}`] : []),
  ]
  return `${parts.join(', ')} (revision ${revision}, ${ms.toFixed(1)} ms)`
}

function names(list: readonly string[]): string {
  const shown = list.slice(0, 5).join(', ')
  return list.length > 5 ? `${shown} and ${list.length - 5} more` : shown
}

/** A problem of a broken edit. */
export function editText(one: ManifestProblem): string {
  return `${placeOf(one)}: ${[one.object, one.path, one.message].filter((part) => part !== '').join(' ')}`
}
