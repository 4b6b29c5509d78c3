import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { explainText } from '../explain-text.ts'
import type { Explanation } from '../explain-text.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const header = flags.string('header')
  const answer = await adminClient(invocation).send<Explanation>('POST', '/api/v1/routes/explain', {
    method: flags.string('method'),
    host: flags.string('host'),
    path: args['PATH'],
    headers: header === undefined ? [] : [readHeader(header)],
  })
  if (out.json) out.document('tidemill.route-explain.v1', answer)
  else for (const line of explainText(answer, out)) out.line(line)
  return answer.chosen === undefined ? exitCode.notFound : exitCode.ok
}

function readHeader(text: string): readonly [string, string] {
  const cut = text.indexOf(':')
  if (cut <= 0) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `"${text}" is not NAME:VALUE`,
      suggestion: 'Write for example -H version:two.',
    })
  }
  return [text.slice(0, cut).trim(), text.slice(cut + 1).trim()]
}
