import type { SqlValue } from '../program.ts'
import type { RowsAnswer } from './messages.ts'

/** Row objects out of the flat list that crossed the threads. */
export function rowsOf<R>({ columns, values }: RowsAnswer): R[] {
  const width = columns.length
  const rows: R[] = []
  for (let start = 0; start < values.length; start += width) {
    const row: Record<string, SqlValue> = {}
    for (let column = 0; column < width; column++) {
      row[columns[column] as string] = values[start + column] as SqlValue
    }
    rows.push(row as R)
  }
  return rows
}
