/** Edit distance by insertion, deletion, substitution. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      )
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The name most like `wanted`, when it is near enough to have been meant. */
export function nearest(wanted: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let bound = Math.max(2, Math.floor(wanted.length / 2)) + 1
  for (const name of names) {
    const distance = name.startsWith(wanted) ? 0 : editDistance(wanted, name)
    if (distance < bound) {
      bound = distance
      best = name
    }
  }
  return best
}

/** One line for a name that is not known, with the nearest known one. */
export function unknownName(kind: string, wanted: string, names: Iterable<string>): string {
  const known = [...names]
  const near = nearest(wanted, known)
  const hint = near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`
  return `unknown ${kind} "${wanted}"; ${hint}`
}
