import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Clock, type Logger, type Timer } from '@tidemill/core'
import type { ObjectChange } from '../configuration/object-change.ts'

/** The objects in force at some revision. */
export interface Snapshot {
  readonly revision: number
  readonly objects: readonly ObjectChange[]
}

export interface LastGoodOptions {
  readonly path: string
  readonly clock: Clock
  readonly logger: Logger
  /** What to keep; asked when a save is due. */
  take(): Snapshot
  /** Least time between two saves in milliseconds; default 1000. */
  readonly pauseMs?: number
}

const schema = 'tidemill.gateway.snapshot.v1'
/** Lines per turn of the event loop, so that saving delays no request. */
const linesPerTurn = 128

/**
 * Keeps what is in force in a file, for a start while the source of the configuration is away. A save goes to another
 * file that then takes the place of the old one, so the file is whole at every moment; a checksum at its end tells a
 * damaged one. It may hold Secrets and is readable by its owner alone.
 */
export class LastGood {
  readonly #options: LastGoodOptions
  #timer: Timer | undefined
  #saving: Promise<void> = Promise.resolve()
  #due = false
  #closed = false

  constructor(options: LastGoodOptions) {
    this.#options = options
  }

  /** Says that something changed; it is saved soon. */
  changed(): void {
    this.#due = true
    if (this.#timer !== undefined || this.#closed) return
    const { clock, pauseMs = 1000 } = this.#options
    this.#timer = clock.timer(
      pauseMs,
      () => {
        this.#timer = undefined
        if (this.#due) this.#saving = this.#saving.then(() => this.#save())
      },
      { ref: false },
    )
  }

  /** Saves what is due and ends. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#saving
    if (this.#due) await this.#save()
  }

  async #save(): Promise<void> {
    this.#due = false
    const { path, logger } = this.#options
    try {
      await writeSnapshot(path, this.#options.take())
    } catch (error) {
      logger.log('error', 'the last good configuration could not be saved', { path, error })
    }
  }
}

async function writeSnapshot(path: string, snapshot: Snapshot): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const scratch = `${path}.new`
  const hash = createHash('sha256')
  const file = await open(scratch, 'w', 0o600)
  try {
    const write = async (text: string): Promise<void> => {
      hash.update(text)
      await file.write(text)
    }
    const { revision, objects } = snapshot
    await write(`${JSON.stringify({ schema, revision, objects: objects.length })}\n`)
    for (let i = 0; i < objects.length; i += linesPerTurn) {
      let lines = ''
      for (const object of objects.slice(i, i + linesPerTurn)) {
        lines += `${JSON.stringify([object.kind, object.key, object.revision, object.text])}\n`
      }
      await write(lines)
    }
    await file.write(`${JSON.stringify({ sha256: hash.digest('hex') })}\n`)
    await file.sync()
  } catch (error) {
    await file.close()
    await rm(scratch, { force: true })
    throw error
  }
  await file.close()
  await rename(scratch, path)
}

/** What was saved; undefined when there is nothing, or nothing whole. */
export async function readLastGood(path: string, logger: Logger): Promise<Snapshot | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      logger.log('error', 'the last good configuration could not be read', { path, error })
    }
    return undefined
  }
  const snapshot = parseSnapshot(text)
  if (snapshot === undefined) {
    logger.log('error', 'the last good configuration is damaged and not used', { path })
  }
  return snapshot
}

function parseSnapshot(text: string): Snapshot | undefined {
  const end = text.lastIndexOf('\n', text.length - 2) + 1
  const body = text.slice(0, end)
  try {
    const { sha256 } = JSON.parse(text.slice(end)) as { readonly sha256?: unknown }
    if (sha256 !== createHash('sha256').update(body).digest('hex')) return undefined
    const [head = '', ...lines] = body.split('\n').filter((line) => line !== '')
    const header = JSON.parse(head) as { readonly schema?: unknown; readonly revision?: unknown }
    if (header.schema !== schema || typeof header.revision !== 'number') return undefined
    return {
      revision: header.revision,
      objects: lines.map((line) => {
        const [kind, key, revision, object] = JSON.parse(line) as [string, string, number, string]
        return { kind, key, revision, text: object }
      }),
    }
  } catch {
    return undefined
  }
}
