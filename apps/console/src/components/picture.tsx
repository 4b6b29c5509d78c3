import { computed, signal } from '@preact/signals'
import type { VNode } from 'preact'
import type { Overview, OverviewEdge } from '@tidemill/platform/documents'
import { t, word } from '../i18n/text.ts'
import { overview } from '../live.ts'
import { iconOf } from './icon.tsx'
import {
  curve,
  edgeKey,
  labelHeight,
  labelWidth,
  layOut,
  nodeHeight,
  nodeWidth,
  type PlacedNode,
} from './layout.ts'

const narrow = matchMedia('(max-width: 800px)')
const direction = signal<'LR' | 'TB'>(narrow.matches ? 'TB' : 'LR')
narrow.addEventListener('change', () => {
  direction.value = narrow.matches ? 'TB' : 'LR'
})

// The shape alone, as text, so that the layout is computed again only when it changes, not at every tick.
const shape = computed(() => shapeOf(overview.value))
const layout = computed(() => {
  const now = shape.value === '' ? undefined : overview.peek()
  return now === undefined ? undefined : layOut(now.nodes, now.edges, direction.value)
})

function shapeOf(now: Overview | undefined): string {
  if (now === undefined) return ''
  return [...now.nodes.map((node) => node.id), ...now.edges.map(edgeKey)].join('|')
}

/** The data flow with rates, errors and breaker states on its edges. */
export function Picture(): VNode {
  const placed = layout.value
  const now = overview.value
  if (placed === undefined || now === undefined || now.nodes.length === 0) {
    return <p class="empty">{t('picture.empty')}</p>
  }
  const edges = new Map(now.edges.map((edge) => [edgeKey(edge), edge]))
  const nodes = new Map(now.nodes.map((node) => [node.id, node]))
  return (
    <>
      <div class="picture">
        <svg
          viewBox={`0 0 ${placed.width} ${placed.height}`}
          style={{ maxWidth: `${placed.width}px` }}
          role="img"
          aria-label={t('picture.title')}
        >
          <defs>
            <marker
              id="tip"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0 0 8 4 0 8z" class="tip" />
            </marker>
          </defs>
          {placed.edges.map((edge) => {
            const data = edges.get(edge.key)
            return (
              <g key={edge.key} class={`edge ${edgeClass(data)}`}>
                <path d={curve(edge.points)} marker-end="url(#tip)" />
                {data !== undefined && <EdgeLabel edge={data} x={edge.x} y={edge.y} />}
              </g>
            )
          })}
          {placed.nodes.map((entry) => {
            const node = nodes.get(entry.node.id)
            return (
              <NodeBox key={entry.node.id} {...entry} {...(node === undefined ? {} : { node })} />
            )
          })}
        </svg>
      </div>
      <EdgeTable edges={now.edges} />
    </>
  )
}

function edgeClass(edge: OverviewEdge | undefined): string {
  if (edge === undefined || edge.rps === 0) return edge?.breaker === 'open' ? 'error' : 'idle'
  if (edge.breaker === 'open' || edge.breaker === 'forced-open') return 'error'
  return edge.errorRatio > 0.01 || edge.breaker === 'half-open' ? 'warn' : 'busy'
}

function NodeBox({ node, x, y }: PlacedNode): VNode {
  const facts = Object.entries(node.facts)
  const first = facts[0]
  return (
    <g
      class={`node ${node.kind} ${node.state}`}
      transform={`translate(${x - nodeWidth / 2} ${y - nodeHeight / 2})`}
    >
      <title>
        {[
          `${node.label}: ${word('node.state', node.state)}`,
          ...facts.map(([name, value]) => `${name} ${value}`),
        ].join('\n')}
      </title>
      <rect width={nodeWidth} height={nodeHeight} rx="9" />
      <text x={nodeWidth / 2} y={first === undefined ? 31 : 23} class="label">
        {node.state === 'ok' ? '' : '! '}
        {node.label}
      </text>
      {first !== undefined && (
        <text x={nodeWidth / 2} y="41" class="fact">
          {`${first[0]} ${first[1]}`}
        </text>
      )}
    </g>
  )
}

function EdgeLabel({
  edge,
  x,
  y,
}: {
  readonly edge: OverviewEdge
  readonly x: number
  readonly y: number
}): VNode {
  const second = secondLine(edge)
  return (
    <g transform={`translate(${x - labelWidth / 2} ${y - labelHeight / 2})`} class="edge-label">
      <rect width={labelWidth} height={second === '' ? labelHeight / 2 + 2 : labelHeight} rx="6" />
      <text x={labelWidth / 2} y="13">
        {`${edge.rps.toFixed(1)}/s`}
        {edge.p99Ms === null ? '' : ` · ${edge.p99Ms.toFixed(edge.p99Ms < 10 ? 1 : 0)} ms`}
      </text>
      {second !== '' && (
        <text x={labelWidth / 2} y="27" class="second">
          {second}
        </text>
      )}
    </g>
  )
}

function secondLine(edge: OverviewEdge): string {
  const parts: string[] = []
  if (edge.errorRatio > 0) parts.push(`${(edge.errorRatio * 100).toFixed(1)} % !`)
  if (edge.breaker !== undefined) {
    const mark = iconOf(edge.breaker) === 'ok' ? '●' : iconOf(edge.breaker) === 'error' ? '✕' : '◐'
    parts.push(`${mark} ${word('breaker', edge.breaker)}`)
  }
  return parts.join(' · ')
}

/** The same numbers for those who cannot see the drawing, and for small screens. */
function EdgeTable({ edges }: { readonly edges: readonly OverviewEdge[] }): VNode {
  return (
    <details class="as-table">
      <summary>{t('picture.table')}</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>{t('edge.from')}</th>
              <th>{t('edge.to')}</th>
              <th class="number">{t('edge.rps')}</th>
              <th class="number">{t('edge.errors')}</th>
              <th class="number">{t('edge.p99')}</th>
              <th>{t('edge.breaker')}</th>
            </tr>
          </thead>
          <tbody>
            {edges.map((edge) => (
              <tr key={edgeKey(edge)}>
                <td>{edge.from}</td>
                <td>{edge.to}</td>
                <td class="number">{edge.rps.toFixed(1)}</td>
                <td class="number">{`${(edge.errorRatio * 100).toFixed(1)} %`}</td>
                <td class="number">{edge.p99Ms === null ? '-' : `${edge.p99Ms.toFixed(1)} ms`}</td>
                <td>{edge.breaker === undefined ? '-' : word('breaker', edge.breaker)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
