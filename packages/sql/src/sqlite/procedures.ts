import { sqlErrors } from '../errors.ts'
import type { Procedure } from '../program.ts'
import type { ProcedureEntry } from './messages.ts'

type AnyProcedure = Procedure<unknown, unknown>

/** The caller's side: a number for each procedure, so that a message carries no text for it. */
export interface ProcedureIds {
  /** Its number, and whether the worker has to be told about it. */
  idOf(procedure: AnyProcedure): number
  entry(id: number): ProcedureEntry
}

export function createProcedureIds(): ProcedureIds {
  const ids = new Map<string, number>()
  const byObject = new WeakMap<AnyProcedure, number>()
  const entries: ProcedureEntry[] = []
  return {
    idOf(procedure) {
      const known = byObject.get(procedure)
      if (known !== undefined) return known
      const key = `${procedure.module}#${procedure.name}`
      const id = ids.get(key) ?? entries.length
      if (id === entries.length) {
        ids.set(key, id)
        entries.push([id, procedure.module, procedure.name])
      }
      byObject.set(procedure, id)
      return id
    },
    entry: (id) => entries[id] as ProcedureEntry,
  }
}

/** The worker's side: each procedure imported once, by module and export name. */
export interface ProcedureTable {
  define(entry: ProcedureEntry): Promise<void>
  /** The procedure, or the coded error of why there is none. */
  get(id: number): AnyProcedure | Error
  nameOf(id: number): string
}

export function createProcedureTable(): ProcedureTable {
  const found = new Map<number, AnyProcedure | Error>()
  const names = new Map<number, string>()
  return {
    async define([id, module, name]) {
      names.set(id, name)
      found.set(id, await load(module, name))
    },
    get: (id) => found.get(id) ?? new Error(`procedure ${id} was never defined`),
    nameOf: (id) => names.get(id) ?? String(id),
  }
}

async function load(module: string, name: string): Promise<AnyProcedure | Error> {
  const missing = (reason: string, cause?: unknown): Error =>
    sqlErrors.error('TM_SQL_PROCEDURE_MISSING', { module, name, reason }, { cause })
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = (await import(module)) as Readonly<Record<string, unknown>>
  } catch (error) {
    return missing(`the module cannot be imported: ${String(error)}`, error)
  }
  const value = exports[name]
  if (value === undefined) return missing('there is no such export')
  if (!isProcedure(value)) return missing('the export is not a procedure')
  if (value.name !== name) return missing(`the export is the procedure "${value.name}"`)
  return value
}

function isProcedure(value: unknown): value is AnyProcedure {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AnyProcedure>).program === 'function' &&
    typeof (value as Partial<AnyProcedure>).name === 'string'
  )
}
