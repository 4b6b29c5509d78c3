/**
 * For tests that need a real server:
 *
 *     test('puts and gets through etcd', needs('etcd'), async (t) => {
 *       const etcd = await start(t, 'etcd')
 *       ...
 *     })
 */
import type { TestContext } from 'node:test'
import { findEngine } from './cache.ts'
import type { Binaries, StartOptions } from './engine.ts'
import { type EngineName, engines } from './registry.ts'
import { type RunningEngine, startEngine } from './start.ts'

/** The first of the engines that is not installed. */
function missing(names: readonly EngineName[]): EngineName | undefined {
  return names.find((name) => findEngine(engines[name]) === undefined)
}

function isRequired(name: EngineName): boolean {
  const required = (process.env['TIDEMILL_REQUIRE_ENGINES'] ?? '').split(',')
  return required.includes('all') || required.includes(name)
}

/**
 * Options of a test or suite: skips it with a printed reason where an engine is absent. An engine that
 * TIDEMILL_REQUIRE_ENGINES names (`all`, or a list with commas) is never a reason to skip: the test then fails.
 */
export function needs(...names: readonly EngineName[]): { readonly skip: string | false } {
  const name = missing(names)
  if (name === undefined || isRequired(name)) return { skip: false }
  return { skip: `engine ${name} is not installed; npm run engines -- install ${name}` }
}

/** The engine's programs; throws when it is not installed. */
export function binaries(name: EngineName): Binaries {
  const found = findEngine(engines[name])
  if (found === undefined)
    throw new Error(`engine ${name} is required; npm run engines -- install ${name}`)
  return found
}

/** Starts the engine for this test and stops it afterwards. */
export async function start(
  t: Pick<TestContext, 'after'>,
  name: EngineName,
  options: Pick<StartOptions, 'config'> = {},
): Promise<RunningEngine> {
  binaries(name)
  const running = await startEngine(engines[name], options)
  t.after(() => running.stop())
  return running
}
