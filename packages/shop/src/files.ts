import { mkdir } from 'node:fs/promises'
import { shopErrors } from './errors.ts'

/** Runs something that writes to a file; what the file system refuses comes out as TM_SHOP_DATA_UNWRITABLE. */
export async function writing<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error
    const reason = String(error.code)
    throw shopErrors.error('TM_SHOP_DATA_UNWRITABLE', { file, reason }, { cause: error })
  }
}

/** Makes a folder and those above it, unless it is there. */
export async function makeFolder(folder: string): Promise<void> {
  await writing(folder, () => mkdir(folder, { recursive: true }))
}
