import type { VNode } from 'preact'

export type IconKind = 'ok' | 'warn' | 'error' | 'muted'

const paths: Readonly<Record<IconKind, string>> = {
  ok: 'M3.500 8.500 6.500 11.500 12.500 4.500',
  warn: 'M8 3v6M8 12v.5',
  error: 'M4 4l8 8M12 4l-8 8',
  muted: 'M4 8h8',
}

/** A state as a shape, because colour alone does not tell everybody. */
export function Icon({ kind }: { readonly kind: IconKind }): VNode {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path
        d={paths[kind]}
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  )
}

/** The icon that stands for the state of an order, a saga, a step or a node. */
export function iconOf(state: string): IconKind {
  switch (state) {
    case 'confirmed':
    case 'completed':
    case 'done':
    case 'ok':
    case 'closed':
    case 'settled':
    case 'succeeded':
      return 'ok'
    case 'stuck':
    case 'dead':
    case 'down':
    case 'open':
    case 'error':
    case 'forced-open':
      return 'error'
    case 'compensating':
    case 'rejected':
    case 'warn':
    case 'half-open':
    case 'declined':
      return 'warn'
    default:
      return 'muted'
  }
}
