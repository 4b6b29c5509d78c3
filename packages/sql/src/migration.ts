import { createHash } from 'node:crypto'
import { type Problem, TidemillError } from '@tidemill/core'
import type { Migration } from './database.ts'
import { sqlErrors } from './errors.ts'
import { type Dialect, type Procedure, type Program, procedure, type Tx } from './program.ts'

const table: Readonly<Partial<Record<Dialect, string>>> = {
  sqlite: `CREATE TABLE IF NOT EXISTS tm_migration (
    namespace TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)) WITHOUT ROWID`,
}

/** One step with the statements of one dialect, checked and ready to be applied. */
export interface PlannedMigration {
  readonly id: number
  readonly name: string
  readonly checksum: string
  readonly statements: readonly string[]
}

export interface MigrationPlan {
  readonly namespace: string
  readonly steps: readonly PlannedMigration[]
}

/** Throws TM_SQL_MIGRATION_INVALID with every problem: a number out of sequence, no statements for the dialect. */
export function planMigrations(
  namespace: string,
  migrations: readonly Migration[],
  dialect: Dialect,
): MigrationPlan {
  const problems: Problem[] = []
  const steps = migrations.map((migration, index): PlannedMigration => {
    const statements = migration.up[dialect] ?? []
    if (migration.id !== index + 1) {
      problems.push({
        path: `/${index}/id`,
        message: 'migrations are numbered without gaps',
        received: String(migration.id),
        expected: String(index + 1),
      })
    }
    if (statements.length === 0) {
      problems.push({ path: `/${index}/up/${dialect}`, message: `no statements for ${dialect}` })
    }
    const checksum = createHash('sha256').update(statements.join('\n;\n')).digest('hex')
    return { id: migration.id, name: migration.name, checksum, statements }
  })
  if (problems.length > 0) {
    const summary = problems.map(({ path, message }) => `${path} ${message}`).join('; ')
    throw sqlErrors.error('TM_SQL_MIGRATION_INVALID', { namespace, summary, problems })
  }
  return { namespace, steps }
}

/** Applies a plan in the caller's transaction; numbers above the plan's last are a newer version's and are let be. */
export const applyMigrations: Procedure<MigrationPlan, { readonly applied: number }> = procedure(
  import.meta.url,
  'applyMigrations',
  function* (tx: Tx, { namespace, steps }: MigrationPlan) {
    yield* tx.run(table[tx.dialect] ?? '')
    const kept = yield* tx.all<{ id: number; checksum: string }>(
      'SELECT id, checksum FROM tm_migration WHERE namespace = ? ORDER BY id',
      namespace,
    )
    const checksums = new Map(kept.map(({ id, checksum }) => [id, checksum]))
    let applied = 0
    for (const step of steps) {
      const checksum = checksums.get(step.id)
      if (checksum === step.checksum) continue
      if (checksum !== undefined) {
        const { id, name } = step
        throw sqlErrors.error('TM_SQL_MIGRATION_CHANGED', { namespace, id, name })
      }
      yield* applyStep(tx, namespace, step)
      applied++
    }
    return { applied }
  },
)

function* applyStep(tx: Tx, namespace: string, step: PlannedMigration): Program<void> {
  const { id, name } = step
  for (const sql of step.statements) {
    try {
      yield* tx.run(sql)
    } catch (error) {
      // Only what the statement itself did wrong; a full disk stays a full disk.
      if (!TidemillError.is(error) || !error.code.startsWith('TM_SQL_')) throw error
      const details = { namespace, id, name, reason: error.text, sql }
      throw sqlErrors.error('TM_SQL_MIGRATION_FAILED', details, { cause: error })
    }
  }
  yield* tx.run(
    'INSERT INTO tm_migration (namespace, id, name, checksum, at) VALUES (?, ?, ?, ?, ?)',
    namespace,
    id,
    name,
    step.checksum,
    tx.now,
  )
}
