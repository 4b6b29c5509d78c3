import { coreErrors } from './errors.ts'

/** A number of bytes as options take it: a whole number, or text with a unit: `'64KiB'`, `'1MiB'`, `'2GiB'`, `'500B'`. */
export type ByteSize = number | string

const units: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
}

/** The size in bytes; TM_CORE_BYTES for anything that is not a whole number of them. */
export function parseBytes(size: ByteSize, path = ''): number {
  if (typeof size === 'number') return checked(size, size, path)
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?(B|[KMG]iB|[kMG]B)$/u.exec(size) ?? []
  return checked(Number(digits) * (units[unit] ?? Number.NaN), size, path)
}

function checked(bytes: number, received: ByteSize, path: string): number {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes
  throw coreErrors.error('TM_CORE_BYTES', { received: String(received).slice(0, 64), path })
}
