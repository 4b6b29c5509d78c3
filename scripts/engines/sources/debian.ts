import { existsSync, globSync, realpathSync } from 'node:fs'
import { run } from '../run.ts'
import type { Installer } from '../source.ts'

/** Packages of Debian 12 or a system that names them alike; installed for the whole machine. */
export interface DebianSource {
  readonly kind: 'debian'
  readonly packages: readonly string[]
  /** Program to glob patterns of absolute paths; the last match wins, so the newest version directory. */
  readonly binaries: Readonly<Record<string, readonly string[]>>
}

let updated = false

export const debian: Installer<DebianSource> = {
  recipeFiles: () => [],
  async install(source) {
    if (!existsSync('/usr/bin/apt-get'))
      throw new Error(`no apt-get here: install ${source.packages.join(', ')} by hand`)
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    if (!updated) await run('apt-get', ['update', '-q'], { env })
    updated = true
    const args = ['install', '-q', '-y', '--no-install-recommends', ...source.packages]
    await run('apt-get', args, { env })
  },
  find(source) {
    const found: Record<string, string> = {}
    for (const [name, patterns] of Object.entries(source.binaries)) {
      const file = globSync([...patterns])
        .toSorted()
        .at(-1)
      if (file === undefined) return undefined
      found[name] = realpathSync(file)
    }
    return found
  },
}
