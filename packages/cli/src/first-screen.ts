import type { Output } from './output.ts'

export interface FirstScreenFacts {
  readonly version: string
  readonly readyMs: number
  readonly dataDir: string | undefined
  readonly consoleUrl: string
  readonly gatewayUrl: string
  /** Demo orders per second; null without demo traffic. */
  readonly demoRate: number | null
}

const left = 44

/** What `tidemill up` shows when it is ready: where to look, and what to try. */
export function firstScreen(
  facts: FirstScreenFacts,
  out: Pick<Output, 'style'>,
): readonly string[] {
  const data =
    facts.dataDir === undefined
      ? 'data: temporary (keep it with --data ./data)'
      : `data: ${facts.dataDir}`
  const demo =
    facts.demoRate === null
      ? 'shop: 4 services, no traffic (--demo makes some)'
      : `demo: shop, 4 services, ${facts.demoRate} orders/s`
  const rows: readonly (readonly [string, string])[] = [
    [`tidemill ${facts.version}  ready in ${Math.round(facts.readyMs)} ms`, data],
    [`Console   ${facts.consoleUrl}`, `Gateway  ${facts.gatewayUrl}`],
    [`Metrics   ${facts.consoleUrl}/metrics`, `stop: Ctrl-C`],
    [demo, `try: curl '${facts.gatewayUrl}/catalogue?limit=3'`],
  ]
  return rows.map(([a, b], i) => {
    const first = a.padEnd(left)
    return `  ${i === 0 ? out.style('bold', first) : first}  ${b}`
  })
}
