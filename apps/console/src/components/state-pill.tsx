import type { VNode } from 'preact'
import { word } from '../i18n/text.ts'
import { Icon, iconOf } from './icon.tsx'

/** A state as icon, colour and word; `group` names the catalogue's part. */
export function StatePill({
  group,
  state,
}: {
  readonly group: string
  readonly state: string
}): VNode {
  const kind = iconOf(state)
  return (
    <span class={`pill ${kind}`}>
      <Icon kind={kind} />
      {word(group, state)}
    </span>
  )
}
