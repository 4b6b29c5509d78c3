import type { Source } from './source.ts'

/** Where an engine is to run: everything it writes goes below `dir`, everything it serves is on 127.0.0.1. */
export interface StartOptions {
  readonly dir: string
  readonly port: number
  /** A second free port, for engines that need one. */
  readonly auxPort: number
  /** Text of the engine's configuration file, instead of the default one. */
  readonly config?: string
}

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Server {
  /** Account that the engine insists on when we are root. */
  readonly user?: string
  /** Where clients connect, given the port. */
  url(port: number): string
  /** Runs to its end before the server starts, for example to create the data directory. */
  prepare?(binaries: Binaries, options: StartOptions): readonly Command[]
  start(binaries: Binaries, options: StartOptions): Command
  /** Asked again and again until it resolves to true; a rejection counts as not yet. */
  ready(binaries: Binaries, options: StartOptions): Promise<boolean>
}

/** Absolute path per program of an engine. */
export type Binaries = Readonly<Record<string, string>>

/** A real server or tool that tests and benches run against. */
export interface Engine {
  readonly name: string
  /** What it is for, in a few words. */
  readonly about: string
  readonly version: string
  readonly source: Source
  /** Absent for tools that serve nothing. */
  readonly server?: Server
}
