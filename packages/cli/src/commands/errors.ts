import { type Invocation } from '../command.ts'
import { errorCatalogue } from '../error-catalogue.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { nearest } from '@tidemill/core'
import { renderTable } from '../render/table.ts'

export async function execute({ args, flags, out }: Invocation): Promise<number> {
  const rows = await errorCatalogue()
  const chinese = flags.string('lang') === 'zh'
  const code = args['CODE']?.toUpperCase()
  if (code === undefined) {
    if (out.json) out.document('tidemill.errors.v1', { errors: rows })
    else {
      const lines = rows.map((row) => [row.code, chinese ? row.zh.message : row.message])
      for (const line of renderTable([{ title: 'CODE' }, { title: 'MEANING' }], lines))
        out.line(line)
    }
    return exitCode.ok
  }
  const row = rows.find((entry) => entry.code === code)
  if (row === undefined) {
    const near = nearest(
      code,
      rows.map((entry) => entry.code),
    )
    const suggestion =
      near === undefined ? 'Run `tidemill errors` for all codes.' : `Did you mean ${near}?`
    throw cliErrors.error('TM_CLI_CODE_UNKNOWN', { code, suggestion })
  }
  if (out.json) out.document('tidemill.error-code.v1', row)
  else {
    const text = chinese ? row.zh : row
    out.line(out.style('bold', row.code))
    out.line(`  ${text.message}`)
    out.line(`  try: ${text.hint}`)
    out.line(
      `  HTTP ${row.http}, ${row.retryable ? 'may succeed when tried again' : 'will fail again unchanged'}, from @tidemill/${row.system}`,
    )
  }
  return exitCode.ok
}
