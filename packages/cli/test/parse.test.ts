import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { commandTable } from '@tidemill/cli'
import type { Command } from '../src/command.ts'
import { findCommand, parseWords, unknownCommand } from '../src/parse.ts'

const command: Command = {
  path: ['thing', 'do'],
  group: 'run',
  summary: 'does it',
  args: [
    { name: 'ID', summary: 'the thing', required: true },
    { name: 'MORE', summary: 'others', required: false, rest: true },
  ],
  flags: [
    { name: 'rate', short: 'r', type: 'number', summary: 'rate', default: 5, env: 'THING_RATE' },
    { name: 'mode', type: 'string', summary: 'mode', choices: ['fast', 'safe'] },
    { name: 'dry-run', type: 'boolean', summary: 'only say' },
  ],
  examples: [{ run: 'thing do 1', what: 'example' }],
  load: () => Promise.reject(new Error('not loaded here')),
}

function refusal(words: readonly string[]): TidemillError {
  try {
    parseWords(command, words, {})
  } catch (error) {
    if (TidemillError.is(error, 'TM_CLI_USAGE')) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('command line', () => {
  it('reads arguments, flags with = and with a space, short flags and booleans', () => {
    const parsed = parseWords(
      command,
      ['7', '--rate=9', '--mode', 'fast', '--dry-run', 'a', 'b'],
      {},
    )
    assert.equal(parsed.args['ID'], '7')
    assert.deepEqual(parsed.rest, ['a', 'b'])
    assert.equal(parsed.flags.number('rate'), 9)
    assert.equal(parsed.flags.string('mode'), 'fast')
    assert.equal(parsed.flags.boolean('dry-run'), true)
    assert.equal(parseWords(command, ['7', '-r', '3'], {}).flags.number('rate'), 3)
  })
  it('lets a flag win over the environment and the environment over the default, and says which won', () => {
    const origin = (words: readonly string[], env: NodeJS.ProcessEnv): string => {
      const { flags } = parseWords(command, words, env)
      return `${flags.number('rate')} ${flags.origin('rate')}`
    }
    assert.equal(origin(['7'], {}), '5 default')
    assert.equal(origin(['7'], { THING_RATE: '6' }), '6 env')
    assert.equal(origin(['7', '--rate', '8'], { THING_RATE: '6' }), '8 flag')
  })
  it('takes everything after -- as arguments and negative numbers as words', () => {
    assert.deepEqual(parseWords(command, ['7', '--', '--rate', '-1'], {}).rest, ['--rate', '-1'])
    assert.deepEqual(parseWords(command, ['-7'], {}).args['ID'], '-7')
  })
  it('refuses unknown flags with the nearest, bad values, missing arguments and missing values', () => {
    assert.match(refusal(['7', '--rat', '3']).hint ?? '', /--rate/u)
    assert.match(refusal(['7', '--rate', 'many']).text, /number/u)
    assert.match(refusal(['7', '--mode', 'slow']).text, /fast, safe/u)
    assert.match(refusal([]).text, /ID/u)
    assert.match(refusal(['7', '--mode']).text, /needs a value/u)
    assert.match(refusal(['7', '--dry-run=maybe']).text, /true or false/u)
  })
  it('accepts --help without the required arguments', () => {
    assert.equal(parseWords(command, ['--help'], {}).flags.boolean('help'), true)
  })
  it('finds the longest command and suggests for words that name none', () => {
    assert.equal(
      findCommand(commandTable, ['order', 'show', '5'])?.command.path.join(' '),
      'order show',
    )
    assert.deepEqual(findCommand(commandTable, ['order', 'show', '5'])?.rest, ['5'])
    assert.equal(findCommand(commandTable, ['ordr']), undefined)
    const unknown = unknownCommand(commandTable, ['stauts'])
    assert.equal(unknown.code, 'TM_CLI_COMMAND_UNKNOWN')
    assert.match(unknown.hint ?? '', /tidemill status/u)
    assert.match(unknownCommand(commandTable, ['saga']).hint ?? '', /ls, show/u)
  })
})
