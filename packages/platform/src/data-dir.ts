import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Closable } from '@tidemill/core'
import { platformErrors } from './errors.ts'

/** Where the databases lie: a folder that is kept, or a temporary one that goes away on close. */
export interface DataDir extends Closable {
  readonly path: string
  readonly kept: boolean
}

async function keep(): Promise<void> {
  // A named folder outlives the process.
}

export async function openDataDir(folder: string | undefined): Promise<DataDir> {
  if (folder === undefined) {
    const made = await mkdtemp(path.join(os.tmpdir(), 'tidemill-'))
    const remove = (): Promise<void> => rm(made, { recursive: true, force: true })
    return { path: made, kept: false, close: remove, [Symbol.asyncDispose]: remove }
  }
  const absolute = path.resolve(folder)
  const probe = path.join(absolute, `.probe-${process.pid}`)
  try {
    await mkdir(absolute, { recursive: true, mode: 0o700 })
    await writeFile(probe, '')
    await rm(probe)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw platformErrors.error(
      'TM_PLATFORM_DATA_DIR',
      { folder: absolute, reason },
      { cause: error },
    )
  }
  return { path: absolute, kept: true, close: keep, [Symbol.asyncDispose]: keep }
}
