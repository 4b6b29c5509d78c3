import path from 'node:path'
import { barrierMigrations } from '@tidemill/saga'
import { type Database, type Migration, openDatabase, type OpenOptions } from '@tidemill/sql'
import { catalogueMigrations } from './catalogue/catalogue-schema.ts'
import { orderMigrations } from './order/order-schema.ts'
import { paymentMigrations } from './payment/payment-schema.ts'
import { providerMigrations } from './provider/provider-schema.ts'
import type { ServiceContext } from './service-context.ts'
import { stockMigrations } from './stock/stock-schema.ts'

/** One database per service, and one for the books of the provider's stand-in. */
export type DatabaseName = 'order' | 'stock' | 'payment' | 'catalogue' | 'provider'

export type Databases = Readonly<Record<DatabaseName, Database>>

/** Opens one database as `openDatabase` of sql does. */
export type OpenDatabase = (options: OpenOptions) => Promise<Database>

/** Schemas by namespace; the barrier lies beside the business rows that it guards. */
const schemas: Readonly<Record<DatabaseName, Readonly<Record<string, readonly Migration[]>>>> = {
  order: { barrier: barrierMigrations, order: orderMigrations },
  stock: { barrier: barrierMigrations, stock: stockMigrations },
  payment: { barrier: barrierMigrations, payment: paymentMigrations },
  catalogue: { catalogue: catalogueMigrations },
  provider: { provider: providerMigrations },
}

const names = Object.keys(schemas) as DatabaseName[]

/** Opens all at once (each starts a thread) and brings their schemas up to date; all of them, or none stays open. */
export async function openDatabases(
  context: ServiceContext,
  openOne: OpenDatabase = openDatabase,
): Promise<Databases & { close(): Promise<void> }> {
  const opened = new Map<DatabaseName, Database>()
  const open = async (name: DatabaseName): Promise<void> => {
    const url = `sqlite:${path.resolve(context.dataDir, `${name}.db`)}`
    const { clock, logger } = context
    const database = await openOne({ url, clock, logger })
    opened.set(name, database)
    for (const [namespace, migrations] of Object.entries(schemas[name])) {
      await database.migrate(namespace, migrations)
    }
  }
  const close = async (): Promise<void> => {
    await Promise.all(Array.from(opened.values(), (database) => database.close()))
  }
  const results = await Promise.allSettled(names.map(open))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await close()
    throw failed.reason
  }
  return { ...(Object.fromEntries(opened) as Databases), close }
}
