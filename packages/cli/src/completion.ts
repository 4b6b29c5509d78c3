import type { Command, Flag } from './command.ts'

type Make = (table: readonly Command[], flagsOf: (command: Command) => readonly Flag[]) => string

/** The words that may follow each prefix of a command's path, for example `saga` -> `ls show retry`. */
function nextWords(table: readonly Command[]): Map<string, string[]> {
  const next = new Map<string, string[]>()
  for (const command of table) {
    command.path.forEach((word, i) => {
      const prefix = command.path.slice(0, i).join(' ')
      const words = next.get(prefix) ?? []
      if (!words.includes(word)) next.set(prefix, [...words, word])
    })
  }
  return next
}

const bash: Make = (table, flagsOf) => {
  const cases = [...nextWords(table)]
    .map(([prefix, words]) => `    '${prefix}') words='${words.join(' ')}' ;;`)
    .concat(
      table.map(
        (command) =>
          `    '${command.path.join(' ')}') words='${flagsOf(command)
            .map((flag) => `--${flag.name}`)
            .join(' ')}' ;;`,
      ),
    )
  return [
    '_tidemill() {',
    "  local words='' prefix=''",
    '  local i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    case "${COMP_WORDS[i]}" in -*) continue ;; esac',
    '    prefix="${prefix:+$prefix }${COMP_WORDS[i]}"',
    '  done',
    '  case "$prefix" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -F _tidemill tidemill',
  ].join('\n')
}

const zsh: Make = (table, flagsOf) =>
  ['autoload -U +X bashcompinit && bashcompinit', bash(table, flagsOf)].join('\n')

const fish: Make = (table, flagsOf) => {
  const lines = ['complete -c tidemill -f']
  for (const [prefix, words] of nextWords(table)) {
    const when = prefix === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${prefix}`
    lines.push(`complete -c tidemill -n '${when}' -a '${words.join(' ')}'`)
  }
  for (const command of table) {
    const when = `__fish_seen_subcommand_from ${command.path.at(-1) ?? ''}`
    for (const flag of flagsOf(command)) {
      lines.push(
        `complete -c tidemill -n '${when}' -l ${flag.name} -d '${flag.summary.replaceAll("'", '')}'`,
      )
    }
  }
  return lines.join('\n')
}

const makers: Readonly<Record<string, Make>> = { bash, zsh, fish }

export const shells: readonly string[] = Object.keys(makers)

export function completionScript(shell: string): Make | undefined {
  return Object.hasOwn(makers, shell) ? makers[shell] : undefined
}
