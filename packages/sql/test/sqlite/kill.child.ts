/** Appends for ever and prints each id once it has been acknowledged; killed by kill.int.ts. */
import { openDatabase } from '@tidemill/sql'
import { fill } from '../procedures.ts'

const [, , url, first] = process.argv
await using db = await openDatabase({ url: url ?? '' })
let id = Number(first)

async function caller(): Promise<void> {
  for (;;) {
    const own = id++
    await db.call(fill, { id: own, size: own % 3 === 0 ? 3000 : 100 })
    // The next call waits for the line to be taken, so that a slow reader slows the appender and loses nothing.
    await new Promise<void>((resolve) => process.stdout.write(`${own}\n`, () => resolve()))
  }
}
await Promise.all(Array.from({ length: 16 }, caller))
