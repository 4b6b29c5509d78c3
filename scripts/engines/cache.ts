import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Binaries, Engine } from './engine.ts'
import { installerOf } from './source.ts'

/** Outside the checkout, so that a second clone on the same machine finds what the first installed. */
export function cacheFolder(): string {
  return process.env['TIDEMILL_ENGINES'] ?? path.join(os.homedir(), '.cache', 'tidemill', 'engines')
}

/** `NAME-VERSION-RECIPEHASH` in the cache: another recipe is another folder. */
export function engineFolder(engine: Engine): string {
  const { source } = engine
  // Paths of this checkout must not count, their contents do.
  const fields = { ...source, module: undefined }
  const hash = createHash('sha256').update(JSON.stringify([process.platform, process.arch, fields]))
  for (const file of installerOf(source).recipeFiles(source)) {
    hash.update(path.basename(file)).update(readFileSync(file))
  }
  const recipe = hash.digest('hex').slice(0, 12)
  return path.join(cacheFolder(), `${engine.name}-${engine.version}-${recipe}`)
}

/** The programs that the recipe installed. */
function findInstalled(engine: Engine): Binaries | undefined {
  return installerOf(engine.source).find(engine.source, engineFolder(engine))
}

/** The programs on PATH, when all of them are there. */
function findOnPath(engine: Engine): Binaries | undefined {
  const { source } = engine
  const needed =
    source.kind === 'golang' ? { ...source.programs, ...source.files } : source.binaries
  const names = Object.keys(needed)
  const folders = (process.env['PATH'] ?? '').split(path.delimiter)
  const found = names.map((name) => {
    const folder = folders.find((one) => existsSync(path.join(one, name)))
    return [name, folder === undefined ? undefined : path.join(folder, name)] as const
  })
  return found.every(([, file]) => file !== undefined)
    ? (Object.fromEntries(found) as Binaries)
    : undefined
}

/** The engine's programs, those of the recipe before those on PATH; undefined when there are none. */
export function findEngine(engine: Engine): Binaries | undefined {
  return findInstalled(engine) ?? findOnPath(engine)
}

/** Installs what is missing; leaves nothing half-made. Gives false when it was there already. */
export async function installEngine(engine: Engine): Promise<boolean> {
  if (findInstalled(engine) !== undefined) return false
  const folder = engineFolder(engine)
  await mkdir(cacheFolder(), { recursive: true })
  const work = await mkdtemp(path.join(cacheFolder(), `.${engine.name}-`))
  try {
    await installerOf(engine.source).install(engine.source, work)
    if (existsSync(folder)) await rm(folder, { recursive: true })
    await rename(work, folder)
  } catch (error) {
    await rm(work, { recursive: true, force: true })
    // Another process may have been faster; its result is as good.
    if (findInstalled(engine) === undefined) throw error
  }
  if (findInstalled(engine) === undefined)
    throw new Error(`${engine.name}: installed, but a program is missing in ${folder}`)
  return true
}
