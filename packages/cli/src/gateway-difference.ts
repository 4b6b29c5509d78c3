/** One place where two objects differ. */
export interface Difference {
  /** JSON pointer. */
  readonly path: string
  /** Absent where there is nothing. */
  readonly before?: unknown
  readonly after?: unknown
}

/** Where two values differ, by JSON pointer in the order of the first; lists are compared member by member. */
export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return Array.from(names).flatMap((name) => {
      const place = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
      return differences(
        (before as Readonly<Record<string, unknown>>)[name],
        (after as Readonly<Record<string, unknown>>)[name],
        place,
      )
    })
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  return [
    {
      path,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    },
  ]
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export interface ObjectDifference {
  readonly object: string
  readonly action: 'create' | 'change' | 'delete'
  readonly differences: readonly Difference[]
}

/** Lines with `+`, `-` and `~`, as people know them. */
export function differenceText(
  changes: readonly ObjectDifference[],
  style: (color: 'red' | 'green' | 'yellow', text: string) => string,
): string[] {
  return changes.flatMap(({ object, action, differences: all }) => {
    if (action === 'create') return [style('green', `+ ${object}`)]
    if (action === 'delete') return [style('red', `- ${object}`)]
    return [
      style('yellow', `~ ${object}`),
      ...all.flatMap(({ path, before, after }) => [
        ...(before === undefined ? [] : [style('red', `  - ${path}: ${JSON.stringify(before)}`)]),
        ...(after === undefined ? [] : [style('green', `  + ${path}: ${JSON.stringify(after)}`)]),
      ]),
    ]
  })
}
