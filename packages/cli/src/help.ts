import type { Argument, Command, Flag } from './command.ts'
import type { Output } from './output.ts'
import { commonFlags } from './parse.ts'

const groups: Readonly<Record<Command['group'], string>> = {
  run: 'Run',
  look: 'Look',
  data: 'Data',
  gateway: 'Gateway',
  rpc: 'gRPC',
  help: 'Help',
}

/** All commands, grouped. */
export function overviewHelp(table: readonly Command[], out: Output): string {
  const width = Math.max(...table.map((command) => command.path.join(' ').length))
  const lines = [
    'tidemill: gateway, configuration, events and sagas of a shop, in one command',
    '',
    out.style('bold', 'Start here'),
    '  tidemill up --demo              the platform with a shop under live traffic',
    '  tidemill demo --orders synthetic  replay orders and check that the books balance',
  ]
  for (const [group, title] of Object.entries(groups)) {
    const commands = table.filter((command) => command.group === group)
    lines.push('', out.style('bold', title))
    for (const command of commands) {
      lines.push(`  ${command.path.join(' ').padEnd(width)}  ${command.summary}`)
    }
  }
  lines.push('', 'tidemill help COMMAND says more. Every command takes --json.')
  return lines.join('\n')
}

/** One command: summary, usage, examples first, then arguments and flags. */
export function commandHelp(command: Command, out: Output): string {
  const name = command.path.join(' ')
  const words = (command.args ?? []).map(argumentWord)
  const lines = [
    command.summary,
    '',
    `${out.style('bold', 'Usage')}  tidemill ${[name, ...words].join(' ')} [flags]`,
  ]
  if (command.details !== undefined) lines.push('', command.details)
  lines.push('', out.style('bold', 'Examples'))
  for (const example of command.examples) {
    lines.push(`  ${example.run}`, `      ${out.style('dim', example.what)}`)
  }
  if ((command.args ?? []).length > 0) {
    lines.push('', out.style('bold', 'Arguments'))
    for (const arg of command.args ?? []) lines.push(`  ${arg.name.padEnd(22)}${arg.summary}`)
  }
  lines.push('', out.style('bold', 'Flags'))
  const flags = [...(command.flags ?? []), ...commonFlags]
  const width = Math.max(22, ...flags.map((flag) => flagWord(flag).length + 2))
  for (const flag of flags) lines.push(`  ${flagWord(flag).padEnd(width)}${flagText(flag)}`)
  return lines.join('\n')
}

function argumentWord(arg: Argument): string {
  const word = arg.rest === true ? `${arg.name}...` : arg.name
  return arg.required ? word : `[${word}]`
}

function flagWord(flag: Flag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `
  const value = flag.type === 'boolean' ? '' : ` ${flag.value ?? flag.type.toUpperCase()}`
  return `${short}--${flag.name}${value}${flag.repeat === true ? '...' : ''}`
}

function flagText(flag: Flag): string {
  const notes = [
    ...(flag.choices === undefined ? [] : [flag.choices.join('|')]),
    ...(flag.default === undefined ? [] : [`default ${flag.default}`]),
    ...(flag.env === undefined ? [] : [`env ${flag.env}`]),
  ]
  return `${flag.summary}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`
}
