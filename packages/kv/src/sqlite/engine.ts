import {
  createUuid7,
  realClock,
  realRandom,
  silentLogger,
  type TidemillError,
} from '@tidemill/core'
import { acquireOwner } from '@tidemill/core/sqlite'
import {
  checkRequest,
  notBytes,
  notCount,
  notRange,
  refuse,
  requestBytes,
  wrongNumbers,
} from '../check.ts'
import type { CallOptions, Kv, KvStatus, Watch } from '../kv.ts'
import { createLease, type RunningLease } from '../lease.ts'
import type { KvOptions } from '../open.ts'
import { type Op, op } from '../operation.ts'
import { createTxnBuilder } from '../transaction.ts'
import { openWatch, type RunningWatch, type WatchSource } from '../watch/watch.ts'
import { createHub } from './hub.ts'
import { type Call, createLeaseCalls } from './lease-calls.ts'
import { checkOptions, fileOf, retentionOf } from './options.ts'
import type { Answers } from './protocol.ts'
import { createQueue, type Queue } from './queue.ts'

const gib = 1024 ** 3
const mib = 1024 ** 2

/** Opens the embedded engine; its file belongs to this process until `close`. */
export async function openSqliteKv(options: KvOptions): Promise<Kv> {
  const file = fileOf(options.url)
  checkOptions(options)
  const clock = options.clock ?? realClock
  const random = options.random ?? realRandom
  const logger = options.logger ?? silentLogger
  const owner = file === ':memory:' ? undefined : acquireOwner(file)
  const watches = new Set<RunningWatch>()
  const leases = new Set<RunningLease>()
  let queue: Queue
  const hub = createHub((command, settle) => queue.enqueue(command, settle))
  const onLost = (error: TidemillError): void => {
    hub.fail(error)
    for (const watch of watches) watch.fail(error)
  }
  const limits = {
    limit: options.queueLimit ?? 10_000,
    limitBytes: options.queueBytes ?? 64 * mib,
  }
  try {
    queue = await createQueue(
      {
        file,
        retention: retentionOf(options.history),
        quotaBytes: options.quotaBytes ?? 2 * gib,
        newStoreId: createUuid7(clock, random)(),
        now: clock.monotonic(),
      },
      {
        clock,
        logger,
        ...limits,
        onEvents: (events, revision) => hub.publish(events, revision),
        onLost,
      },
    )
  } catch (error) {
    owner?.release()
    throw error
  }

  const call: Call = (command, about, bytes = 0) => {
    const signal = about?.signal
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason as Error)
      queue.submit(command, bytes, (value, error) => {
        signal?.removeEventListener('abort', onAbort)
        if (error === undefined) resolve(value as never)
        else reject(error)
      })
      // Only what was not refused waits.
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
  /** Checks an operation as etcd does and sends it. */
  const request = <K extends Op['kind']>(
    item: Extract<Op, { readonly kind: K }>,
    about: CallOptions | undefined,
  ): Promise<Answers[K]> => {
    const checked: Op = item
    checkRequest(checked)
    return call(item, about, checked.kind === 'range' ? 0 : requestBytes(checked))
  }
  const leaseCalls = createLeaseCalls(call, () => {
    const bytes = random.bytes(new Uint8Array(8))
    // 63 bits, never 0, as etcd chooses them.
    return (new DataView(bytes.buffer).getBigUint64(0) >> 1n) | 1n
  })
  const source: WatchSource = {
    openFeed: (range, about, sink) => hub.open(range, about, sink),
    range: (range, about) => kv.range(range, about),
    storeId: queue.storeId,
    clock,
    random,
    logger,
    onClosed: (watch: Watch) => void watches.delete(watch as RunningWatch),
  }
  const close = async (): Promise<void> => {
    for (const watch of watches) watch.cancel()
    for (const lease of leases) lease.end('closed')
    try {
      await queue.close()
    } finally {
      owner?.release()
    }
  }
  let closing: Promise<void> | undefined

  const kv: Kv = {
    url: options.url,
    async get(key, about = {}) {
      refuse('get', [...notBytes('/key', key), ...notCount('/revision', about.revision ?? 0)])
      const { kvs } = await request(op.range(key, about), about)
      return kvs[0]
    },
    async range(range, about = {}) {
      refuse('range', [...notRange(range), ...wrongNumbers(about)])
      return request(op.range(range, about), about)
    },
    async put(key, value, about) {
      refuse('put', [...notBytes('/key', key), ...notBytes('/value', value)])
      return request(op.put(key, value, about), about)
    },
    async delete(range, about) {
      refuse('delete', notRange(range))
      return request(op.delete(range, about), about)
    },
    txn: (from) => createTxnBuilder(from, async (txn, about) => request(txn, about)),
    watch(range, about) {
      refuse('watch', notRange(range))
      const watch = openWatch(source, range, about)
      if (watch.state !== 'closed') watches.add(watch)
      return watch
    },
    async lease(seconds, about) {
      if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > 9e9) {
        const received = String(seconds)
        const message = 'is not a whole number of seconds'
        refuse('lease', [{ path: '/ttlSeconds', message, received, expected: '1 to 9000000000' }])
      }
      const onOver = (over: RunningLease): void => void leases.delete(over)
      const lease = await createLease({ leases: leaseCalls, clock, logger, onOver }, seconds, about)
      leases.add(lease)
      // Granted by the last batch before the end: nobody would renew it.
      if (closing !== undefined) lease.end('closed')
      return lease
    },
    leases: leaseCalls,
    async compact(revision, about = {}) {
      refuse('compact', notCount('/revision', revision))
      return call({ kind: 'compact', revision, physical: about.physical ?? false }, about)
    },
    async status(about) {
      const status = await call({ kind: 'status' }, about)
      return {
        ...status,
        url: options.url,
        watches: watches.size,
        queued: queue.waiting,
        queueLimit: limits.limit,
        commits: queue.commits,
        writes: queue.writes,
      } satisfies KvStatus
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => kv.close(),
  }
  return kv
}
