import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { commandDocs, commandTable } from '@tidemill/cli'

it('docs/cli.md says what the command table says', () => {
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
  assert.equal(page, commandDocs(commandTable), 'run `npm run commands`')
})

it('the page has every command with its flags', () => {
  const page = commandDocs(commandTable)
  for (const command of commandTable) {
    assert.ok(page.includes(`### ${command.path.join(' ')}\n`))
    for (const flag of command.flags ?? []) assert.ok(page.includes(`--${flag.name}`))
  }
})
