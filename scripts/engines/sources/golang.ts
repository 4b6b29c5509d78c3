import { existsSync, globSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from '../run.ts'
import type { Installer } from '../source.ts'

/** Programs built from a Go module whose go.mod and go.sum are committed. */
export interface GoSource {
  readonly kind: 'golang'
  /** Absolute folder of the module. */
  readonly module: string
  /** Program to the Go package of its `main`. */
  readonly programs: Readonly<Record<string, string>>
  /** Name to a file of a module's source that the programs need beside them. */
  readonly files?: Readonly<Record<string, { readonly module: string; readonly file: string }>>
  readonly tags?: readonly string[]
}

const env = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false' }

function binary(folder: string, name: string): string {
  return path.join(folder, process.platform === 'win32' ? `${name}.exe` : name)
}

export const golang: Installer<GoSource> = {
  recipeFiles: (source) =>
    globSync(['go.mod', 'go.sum', '**/*.go'], { cwd: source.module })
      .toSorted()
      .map((file) => path.join(source.module, file)),
  async install(source, folder) {
    // Built from a copy, so that the checkout stays clean whatever the go command thinks of its go.mod.
    const copy = path.join(folder, 'module')
    await cp(source.module, copy, { recursive: true })
    for (const [name, main] of Object.entries(source.programs)) {
      const tags = source.tags === undefined ? [] : ['-tags', source.tags.join(',')]
      const flags = ['-mod=readonly', '-trimpath', '-ldflags', '-s -w', ...tags]
      await run('go', ['build', ...flags, '-o', binary(folder, name), main], {
        cwd: copy,
        env,
      })
    }
    for (const [name, { module, file }] of Object.entries(source.files ?? {})) {
      const from = await run('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd: copy, env })
      // The module cache is read-only, the engine's folder must stay removable.
      await writeFile(path.join(folder, name), await readFile(path.join(from.trim(), file)))
    }
    await rm(copy, { recursive: true })
  },
  find(source, folder) {
    const found = [
      ...Object.keys(source.programs).map((name) => [name, binary(folder, name)] as const),
      ...Object.keys(source.files ?? {}).map((name) => [name, path.join(folder, name)] as const),
    ]
    return found.every(([, file]) => existsSync(file)) ? Object.fromEntries(found) : undefined
  },
}
