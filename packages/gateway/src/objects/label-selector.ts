import type { ObjectCheck } from '../object-check.ts'
import { listShape, mapShape, objectShape, oneOfShape, type Shape, textShape } from './shape.ts'

/** metav1.LabelSelector: all of it must hold; an empty one takes everything. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    readonly values?: readonly string[]
  }[]
}

const labelText: Shape = (check, path, value) => {
  const form = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/u
  if (typeof value !== 'string' || !form.test(value)) check.wrong(path, value, 'a label value')
}

export const labelSelectorShape: Shape = objectShape({
  matchLabels: mapShape(labelText, 64),
  matchExpressions: listShape(
    objectShape(
      {
        'key!': textShape(317),
        'operator!': oneOfShape('In', 'NotIn', 'Exists', 'DoesNotExist'),
        values: listShape(labelText, 64),
      },
      checkValues,
    ),
    64,
  ),
})

function checkValues(
  check: ObjectCheck,
  path: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  const wanted = fields['operator'] === 'In' || fields['operator'] === 'NotIn'
  const given = Array.isArray(fields['values']) && fields['values'].length > 0
  if (wanted !== given) {
    check.wrong(
      `${path}/values`,
      fields['values'],
      wanted ? 'a list for In and NotIn' : 'absent for Exists and DoesNotExist',
    )
  }
}

export function selects(
  selector: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      // A missing label is not in any list (labels.Requirement.Matches).
      const among = value !== undefined && values.includes(value)
      return operator === 'In' ? among : !among
    })
  )
}
