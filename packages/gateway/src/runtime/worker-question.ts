import type { SloDecision } from '../slo/index.ts'

/** What the primary asks the workers of a gateway. */
export type WorkerQuestion =
  | { readonly name: 'snapshot'; readonly body: null }
  | { readonly name: 'slo'; readonly body: readonly SloDecision[] }
  | { readonly name: 'requests'; readonly body: number }
  | {
      readonly name: 'isolate'
      readonly body: { readonly route: string; readonly upstream: string; readonly open: boolean }
    }
