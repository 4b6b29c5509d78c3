import dagre from '@dagrejs/dagre'
import type { OverviewEdge, PictureNode } from '@tidemill/platform/documents'

export interface PlacedNode {
  readonly node: PictureNode
  readonly x: number
  readonly y: number
}

export interface PlacedEdge {
  readonly key: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
  /** Where the label stands. */
  readonly x: number
  readonly y: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly PlacedEdge[]
}

export const nodeWidth = 132
export const nodeHeight = 54
export const labelWidth = 96
export const labelHeight = 34

export function edgeKey(edge: Pick<OverviewEdge, 'from' | 'to'>): string {
  return `${edge.from}>${edge.to}`
}

/** Places the nodes in layers along the flow; depends on the shape alone, so numbers may change without moving it. */
export function layOut(
  nodes: readonly PictureNode[],
  edges: readonly OverviewEdge[],
  direction: 'LR' | 'TB',
): Layout {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({
    rankdir: direction,
    nodesep: 22,
    ranksep: 34,
    edgesep: 14,
    marginx: 8,
    marginy: 8,
  })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const node of nodes) graph.setNode(node.id, { width: nodeWidth, height: nodeHeight })
  for (const edge of edges) {
    if (!graph.hasNode(edge.from) || !graph.hasNode(edge.to)) continue
    graph.setEdge(edge.from, edge.to, { width: labelWidth, height: labelHeight, labelpos: 'c' })
  }
  dagre.layout(graph)
  const size = graph.graph()
  return {
    width: size.width ?? 0,
    height: size.height ?? 0,
    nodes: nodes.map((node) => {
      const { x, y } = graph.node(node.id)
      return { node, x: x ?? 0, y: y ?? 0 }
    }),
    edges: graph.edges().map(({ v, w }) => {
      const placed = graph.edge(v, w)
      return { key: `${v}>${w}`, points: placed.points ?? [], x: placed.x ?? 0, y: placed.y ?? 0 }
    }),
  }
}

/** A smooth path through the points. */
export function curve(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  let path = `M${first.x.toFixed(1)} ${first.y.toFixed(1)}`
  for (const [i, point] of rest.entries()) {
    const next = rest[i + 1]
    if (next === undefined) path += ` L${point.x.toFixed(1)} ${point.y.toFixed(1)}`
    else {
      const x = ((point.x + next.x) / 2).toFixed(1)
      const y = ((point.y + next.y) / 2).toFixed(1)
      path += ` Q${point.x.toFixed(1)} ${point.y.toFixed(1)} ${x} ${y}`
    }
  }
  return path
}
