/** `npm run commands`: writes docs/cli.md from the command table; `--check` only compares. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { commandDocs, commandTable } from '@tidemill/cli'

const file = path.resolve(import.meta.dirname, '../docs/cli.md')
const text = commandDocs(commandTable)
if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/cli.md is not what the command table says; run `npm run commands`')
  process.exitCode = 1
}
