import type { VNode } from 'preact'

const width = 160
const height = 36

/** A small area chart of the last values, scaled to the largest. */
export function Sparkline({
  values,
  label,
}: {
  readonly values: readonly number[]
  readonly label: string
}): VNode {
  const top = Math.max(1, ...values)
  const step = width / Math.max(1, values.length - 1)
  const points = values.map(
    (value, i) =>
      `${(i * step).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`,
  )
  const line = points.join(' ')
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
    >
      {values.length > 1 && (
        <>
          <polygon
            points={`0,${height} ${line} ${((values.length - 1) * step).toFixed(1)},${height}`}
          />
          <polyline points={line} />
        </>
      )}
    </svg>
  )
}
