// One worker of the two-process test: offers requests of one key for a time and says how many passed.
import { createLimiter, LeaseClient } from '../../src/limit/index.ts'

const [perSecond = 0, warmMs = 0, runMs = 0, requests = 0] = process.argv.slice(2).map(Number)
const leases = new LeaseClient(
  {
    send: (message) => void process.send?.(message),
    onMessage: (listener) => void process.on('message', listener),
  },
  { workers: 2 },
)
const limiter = createLimiter(
  { name: 'shared', rate: { requests, per: '1s', burst: 100 }, scope: 'node' },
  { leases },
)

const start = performance.now()
let offered = 0
let passed = 0
let measured = 0
let measuredFrom = 0
const timer = setInterval(() => {
  const now = performance.now() - start
  for (; offered < (now * perSecond) / 1000; offered++) if (limiter.check('k')) passed++
  if (measuredFrom === 0 && now >= warmMs) {
    measuredFrom = now
    measured = passed
  }
  if (now < warmMs + runMs) return
  clearInterval(timer)
  process.send?.({ passed: passed - measured, ms: now - measuredFrom, stats: leases.stats() })
  process.disconnect?.()
}, 2)
