import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock, Logger, Timer } from '@tidemill/core'
import type { ObjectChange } from '../configuration/object-change.ts'
import { gatewayErrors } from '../errors.ts'
import {
  type ManifestObject,
  type ManifestProblem,
  readManifests,
} from '../manifest/manifest-reader.ts'
import type { Configurable } from './kv-source.ts'

export interface FileSourceOptions {
  /** Files, or folders of which every `.yaml`, `.yml` and `.json` is read. */
  readonly paths: readonly string[]
  readonly configuration: Configurable
  readonly clock: Clock
  readonly logger: Logger
  /** Reads changed files again; default true. */
  readonly follow?: boolean
  /** How long a change waits for others, in milliseconds; default 100. */
  readonly debounceMs?: number
  /** After each reading that changed something. */
  readonly onLoaded?: (result: FileLoad) => void
}

/** What one reading of all files gave. */
export interface FileLoad {
  readonly revision: number
  readonly objects: number
  /** Routes that were built anew. */
  readonly rebuilt: number
  readonly problems: readonly ManifestProblem[]
}

/** Keeps a configuration equal to what stands in files. */
export interface FileSource {
  /** What the newest reading found. */
  readonly problems: readonly ManifestProblem[]
  readonly revision: number
  /** Reads everything again now. */
  reload(): Promise<FileLoad>
  close(): Promise<void>
}

/** A file as it was last read. */
interface KnownFile {
  readonly text: string
  readonly objects: readonly ManifestObject[]
  readonly problems: readonly ManifestProblem[]
}

/**
 * Reads manifests and follows changes of their files. Rejects with TM_GATEWAY_MANIFEST when a path cannot be read at
 * the start. Later nothing is lost by a bad edit: a file that is no YAML any more keeps its objects, an object that is
 * not valid any more keeps its last good version, and both are reported.
 */
export async function followFiles(options: FileSourceOptions): Promise<FileSource> {
  const source = new FileFollower(options)
  await source.reload()
  if (options.follow !== false) await source.watch()
  return source
}

class FileFollower implements FileSource {
  readonly #options: FileSourceOptions
  readonly #watchers: FSWatcher[] = []
  #files = new Map<string, KnownFile>()
  #problems: readonly ManifestProblem[] = []
  #timer: Timer | undefined
  #reading: Promise<unknown> = Promise.resolve()
  #revision = 0
  #closed = false

  constructor(options: FileSourceOptions) {
    this.#options = options
  }

  get problems(): readonly ManifestProblem[] {
    return this.#problems
  }

  get revision(): number {
    return this.#revision
  }

  reload(): Promise<FileLoad> {
    const next = this.#reading.then(() => this.#load())
    this.#reading = next.catch(() => undefined)
    return next
  }

  /** Editors and Kubernetes replace files instead of writing into them, so folders are watched. */
  async watch(): Promise<void> {
    const { logger } = this.#options
    const folders = new Set<string>()
    for (const path of this.#options.paths) {
      folders.add((await stat(path)).isDirectory() ? path : dirname(path))
    }
    for (const folder of folders) {
      const watcher = watch(folder, { persistent: false }, () => this.#changed())
      watcher.on('error', (error) => {
        logger.log('error', 'a folder of manifests is not followed any more', { folder, error })
      })
      this.#watchers.push(watcher)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    for (const watcher of this.#watchers) watcher.close()
    await this.#reading
  }

  #changed(): void {
    if (this.#closed) return
    const { clock, debounceMs = 100, logger } = this.#options
    this.#timer?.cancel()
    this.#timer = clock.timer(
      debounceMs,
      () => {
        this.reload().catch((error: unknown) => {
          logger.log('error', 'manifests could not be read: what was in force stays', { error })
        })
      },
      { ref: false },
    )
  }

  async #load(): Promise<FileLoad> {
    const names = await manifestFiles(this.#options.paths)
    const files = new Map<string, KnownFile>()
    for (const name of names) {
      const known = this.#files.get(name)
      const text = await readFile(name, 'utf8').catch((error: unknown) => {
        throw manifestError(name, error)
      })
      files.set(name, known?.text === text ? known : readFileText(name, text, known))
    }
    const same =
      this.#revision > 0 &&
      files.size === this.#files.size &&
      names.every((name) => files.get(name) === this.#files.get(name))
    if (same || this.#closed) return this.#result(0, 0)
    this.#files = files
    const { changes, problems } = merge(files, this.#revision + 1)
    this.#problems = problems
    this.#revision++
    const rebuilt = this.#options.configuration.apply(changes, this.#revision, true)
    const { logger, onLoaded } = this.#options
    logger.log('debug', 'manifests applied', { revision: this.#revision, rebuilt })
    const result = this.#result(changes.length, rebuilt)
    onLoaded?.(result)
    return result
  }

  #result(objects: number, rebuilt: number): FileLoad {
    return { revision: this.#revision, objects, rebuilt, problems: this.#problems }
  }
}

function readFileText(name: string, text: string, known: KnownFile | undefined): KnownFile {
  const { objects, rejected, problems, broken } = readManifests(text, name)
  // What was in a file that cannot be parsed is not known; what it said before stays.
  if (broken && known !== undefined) return { text, objects: known.objects, problems }
  return { text, objects: [...objects, ...rejected], problems }
}

/** All files together; of two objects with one name the first counts. */
function merge(
  files: ReadonlyMap<string, KnownFile>,
  revision: number,
): { readonly changes: ObjectChange[]; readonly problems: ManifestProblem[] } {
  const seen = new Map<string, ManifestObject>()
  const problems: ManifestProblem[] = []
  const changes: ObjectChange[] = []
  for (const known of files.values()) {
    problems.push(...known.problems)
    for (const one of known.objects) {
      const { kind, key, object, file, line } = one
      const id = `${kind} ${key}`
      const first = seen.get(id)
      if (first !== undefined) {
        if (first.file === file) continue
        const message = `is in ${first.file} already, at line ${first.line}`
        const path = '/metadata/name'
        problems.push({ severity: 'error', file, line, column: 1, object: id, path, message })
        continue
      }
      seen.set(id, one)
      const origin = `${file}:${line}`
      changes.push({ kind, key, text: JSON.stringify(object), revision, origin })
    }
  }
  return { changes, problems }
}

/** The files behind paths, folders expanded in the order of names. */
export async function manifestFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for (const path of paths) {
    try {
      if (!(await stat(path)).isDirectory()) {
        files.push(path)
        continue
      }
      const names = (await readdir(path)).filter((name) => /^[^.].*\.(?:ya?ml|json)$/u.test(name))
      for (const name of names.toSorted()) files.push(join(path, name))
    } catch (error) {
      throw manifestError(path, error)
    }
  }
  return [...new Set(files)]
}

function manifestError(path: string, error: unknown): Error {
  const { message } = error as Error
  return gatewayErrors.error('TM_GATEWAY_MANIFEST', { path, reason: message }, { cause: error })
}
