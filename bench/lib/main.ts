/** `npm run bench -- NAME [--json]`: measures one claim against its peer; without a name, lists the benches. */
import { globSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { unknownName } from '../../scripts/lib/nearest.ts'
import { type Bench, runBench } from './bench.ts'
import { describeMachine, packageVersion } from './machine.ts'
import { type BenchDocument, formatClaims, formatReport } from './report.ts'

const root = path.join(import.meta.dirname, '..', '..')

async function load(name: string): Promise<Bench> {
  const { bench } = (await import(`../${name}.ts`)) as {
    readonly bench?: Bench
  }
  if (bench?.name !== name) throw new TypeError(`bench/${name}.ts must export bench "${name}"`)
  return bench
}

async function measure(name: string): Promise<BenchDocument> {
  const bench = await load(name)
  const machine = describeMachine()
  const startedAt = new Date()
  const outcome = await runBench(bench, (text) => console.error(`  ${name}: ${text}`))
  return {
    schema: 'tidemill.bench.v1',
    data: {
      name,
      about: bench.about,
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1000,
      machine,
      peers: Object.fromEntries(
        (bench.peers ?? []).map((peer) => [peer, packageVersion(root, peer)]),
      ),
      ...outcome,
    },
  }
}

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const names = globSync('bench/*.ts', { cwd: root })
  .map((file) => path.basename(file, '.ts'))
  .toSorted()
const unknown = positionals.find((name) => !names.includes(name))

if (unknown !== undefined) {
  console.error(unknownName('bench', unknown, names))
  process.exitCode = 2
} else if (positionals.length === 0) {
  console.log('npm run bench -- NAME [--json]\n')
  for (const name of names) console.log(formatClaims(await load(name)))
} else {
  for (const name of positionals) {
    const document = await measure(name)
    console.log(values.json ? JSON.stringify(document) : formatReport(document))
    if (!document.data.holds) process.exitCode = 1
  }
}
