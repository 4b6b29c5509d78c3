/**
 * `npm run judge -- NAME [--json]`: runs an official suite against ours; exits 1 on a failure of anything we claim.
 * Without a name, lists the suites.
 */
import { parseArgs } from 'node:util'
import { awaited, suites } from './judge/registry.ts'
import { formatVerdict, judge } from './judge/suite.ts'
import { unknownName } from './lib/nearest.ts'

function list(): void {
  console.log('npm run judge -- NAME [--json]\n')
  if (suites.length === 0) console.log('No suite can be run yet; each joins with its system:')
  for (const suite of suites) console.log(`  ${suite.name}: ${suite.system} by ${suite.source}`)
  for (const suite of awaited)
    console.log(`  ${suite.name}: ${suite.source}, waits for ${suite.system}`)
}

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [name] = positionals
const suite = suites.find((one) => one.name === name)
const waiting = awaited.find((one) => one.name === name)

if (name === undefined) {
  list()
} else if (suite !== undefined) {
  const verdict = await judge(suite, (text) => console.error(`  ${name}: ${text}`))
  console.log(
    values.json
      ? JSON.stringify({ schema: 'tidemill.judge.v1', data: verdict })
      : formatVerdict(verdict),
  )
  process.exitCode = verdict.holds ? 0 : 1
} else if (waiting === undefined) {
  console.error(
    unknownName(
      'suite',
      name,
      [...suites, ...awaited].map((one) => one.name),
    ),
  )
  process.exitCode = 2
} else {
  console.error(`${name} cannot be run yet: it waits for ${waiting.system}`)
  process.exitCode = 1
}
