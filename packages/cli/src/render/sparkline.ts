const bars = '▁▂▃▄▅▆▇█'

/** The values as one line of bars, scaled to the largest; an empty list gives an empty text. */
export function sparkline(values: readonly number[]): string {
  const top = Math.max(...values, 0)
  return values
    .map((value) => bars[top === 0 ? 0 : Math.min(7, Math.floor((value / top) * 7.999))] ?? '')
    .join('')
}
