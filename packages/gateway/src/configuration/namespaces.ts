import type { NamespaceRule } from '../objects/gateway.ts'
import { selects } from '../objects/label-selector.ts'
import type { ObjectStore } from './object-store.ts'

const nameLabel = 'kubernetes.io/metadata.name'

/** Labels of a namespace; every one has its name as a label, also one that nobody wrote down. */
function labelsOf(store: ObjectStore, namespace: string): Readonly<Record<string, string>> {
  return { ...store.get('Namespace', namespace)?.metadata.labels, [nameLabel]: namespace }
}

/** Whether a rule of a Gateway or listener in `own` lets objects of `namespace` in. */
export function letsIn(
  store: ObjectStore,
  rule: NamespaceRule | undefined,
  fallback: 'Same' | 'None',
  own: string,
  namespace: string,
): boolean {
  const from = rule?.from ?? fallback
  if (from === 'All') return true
  if (from === 'Same') return own === namespace
  if (from === 'None') return false
  return selects(rule?.selector ?? {}, labelsOf(store, namespace))
}
