/** `npm run engines -- list | install [NAME...] | path NAME`: the real servers and tools that tests run against. */
import { cacheFolder, engineFolder, findEngine, installEngine } from './engines/cache.ts'
import type { Engine } from './engines/engine.ts'
import { engines } from './engines/registry.ts'
import { unknownName } from './lib/nearest.ts'

const usage = 'npm run engines -- list | install [NAME...] | path NAME'
const all: Readonly<Record<string, Engine>> = engines

function list(): void {
  console.log(`cache: ${cacheFolder()}`)
  for (const engine of Object.values(all)) {
    const state = findEngine(engine) === undefined ? 'absent   ' : 'installed'
    console.log(
      `${engine.name.padEnd(11)} ${engine.version.padEnd(8)} ${state}  ${engine.source.kind.padEnd(7)} ${engine.about}`,
    )
  }
}

async function install(names: readonly string[]): Promise<void> {
  for (const name of names.length === 0 ? Object.keys(all) : names) {
    const engine = all[name]
    if (engine === undefined) continue
    const started = performance.now()
    try {
      const fresh = await installEngine(engine)
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(`✔ ${name} ${fresh ? `installed in ${seconds} s` : 'was installed'}`)
    } catch (error) {
      console.error(`✖ ${name}: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    }
  }
}

/** One line per program: name and absolute path. */
function printPath(engine: Engine): void {
  const found = findEngine(engine)
  if (found === undefined) {
    console.error(`${engine.name} is not installed (would be in ${engineFolder(engine)})`)
    process.exitCode = 1
    return
  }
  for (const [program, file] of Object.entries(found)) console.log(`${program} ${file}`)
}

const [verb = 'list', ...names] = process.argv.slice(2)
const unknown = names.find((name) => !(name in all))
const [first] = names
const engine = first === undefined ? undefined : all[first]
if (unknown !== undefined) {
  console.error(unknownName('engine', unknown, Object.keys(all)))
  process.exitCode = 2
} else if (verb === 'list') {
  list()
} else if (verb === 'install') {
  await install(names)
} else if (verb === 'path' && engine !== undefined) {
  printPath(engine)
} else {
  console.error(usage)
  process.exitCode = 2
}
