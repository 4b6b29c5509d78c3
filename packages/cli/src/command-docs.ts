import type { Command, Flag } from './command.ts'
import { commonFlags } from './parse.ts'

const titles: Readonly<Record<Command['group'], string>> = {
  run: 'Run',
  look: 'Look',
  data: 'Data',
  gateway: 'Gateway',
  rpc: 'gRPC',
  help: 'Help',
}

/** The reference page of the command line as Markdown, made from the command table. */
export function commandDocs(table: readonly Command[]): string {
  const lines = [
    '# Command line',
    '',
    'Made from the command table by `npm run commands`; do not edit by hand.',
    '',
    'The result is on stdout, everything else on stderr. `--json` prints one document',
    '`{"schema": ..., "data": ...}`; commands that stream print one document a line.',
    'Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 permission, 5 conflict, 6 unavailable, 7 timeout,',
    '130 interrupted.',
    '',
    'Every command takes:',
    '',
    ...flagTable(commonFlags),
  ]
  for (const [group, title] of Object.entries(titles)) {
    lines.push('', `## ${title}`)
    for (const command of table.filter((one) => one.group === group))
      lines.push(...section(command))
  }
  return `${lines.join('\n')}\n`
}

function section(command: Command): string[] {
  const words = (command.args ?? []).map((arg) => (arg.required ? arg.name : `[${arg.name}]`))
  const usage = ['tidemill', ...command.path, ...words].join(' ')
  const lines = ['', `### ${command.path.join(' ')}`, '', sentence(command.summary)]
  if (command.details !== undefined) lines.push('', command.details)
  lines.push('', '```text', usage, '```')
  for (const arg of command.args ?? []) lines.push('', `- \`${arg.name}\`: ${arg.summary}`)
  if ((command.flags ?? []).length > 0) lines.push('', ...flagTable(command.flags ?? []))
  for (const example of command.examples)
    lines.push('', `Example: \`${example.run}\` (${example.what})`)
  return lines
}

function flagTable(flags: readonly Flag[]): string[] {
  return [
    '| flag | meaning | default | environment |',
    '| --- | --- | --- | --- |',
    ...flags.map((flag) => {
      const value = flag.type === 'boolean' ? '' : ` ${flag.value ?? flag.type.toUpperCase()}`
      const short = flag.short === undefined ? '' : `\`-${flag.short}\`, `
      const choices = flag.choices === undefined ? '' : ` (${flag.choices.join(', ')})`
      const name = `--${flag.name}${value}${flag.repeat === true ? '...' : ''}`.replaceAll(
        '|',
        String.raw`\|`,
      )
      return `| ${short}\`${name}\` | ${flag.summary}${choices} | ${flag.default ?? ''} | ${flag.env === undefined ? '' : `\`${flag.env}\``} |`
    }),
  ]
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
