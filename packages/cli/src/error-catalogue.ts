import type { ErrorRow, ErrorTable } from '@tidemill/core'

/** One error code with its texts, as `tidemill errors` shows it. */
export interface CatalogueRow extends ErrorRow {
  readonly code: string
  readonly system: string
}

/** All error tables of the packages that the command ships with, sorted by code. Loaded only when asked for. */
export async function errorCatalogue(): Promise<readonly CatalogueRow[]> {
  const modules = await Promise.all([
    import('@tidemill/core'),
    import('@tidemill/core/sqlite'),
    import('@tidemill/sql'),
    import('@tidemill/kv'),
    import('@tidemill/events'),
    import('@tidemill/saga'),
    import('@tidemill/gateway'),
    import('@tidemill/http1'),
    import('@tidemill/http2'),
    import('@tidemill/rpc'),
    import('@tidemill/rpc/bench'),
    import('@tidemill/rpc/proto'),
    import('@tidemill/shop'),
    import('@tidemill/platform'),
    import('./errors.ts'),
  ])
  const rows = modules
    .flatMap((module): unknown[] => Object.values(module))
    .filter(isErrorTable)
    .flatMap((table) =>
      Object.entries<ErrorRow>(table.rows).map(([code, row]) =>
        Object.assign({ code, system: table.system, retryable: false }, row),
      ),
    )
  return [...new Map(rows.map((row) => [row.code, row])).values()].toSorted((a, b) =>
    a.code < b.code ? -1 : 1,
  )
}

function isErrorTable(value: unknown): value is ErrorTable<never> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'rows' in value &&
    'system' in value &&
    'error' in value
  )
}
