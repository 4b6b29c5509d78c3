import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CaseResult, formatVerdict, judge, type Suite } from '../judge/suite.ts'

const suite = (cases: readonly CaseResult[]): Suite => ({
  name: 'sample',
  system: 'sample',
  source: 'example.org/sample v1',
  engines: [],
  notClaimed: { push: 'server push is obsolete' },
  run: () => Promise.resolve(cases),
})

test('a suite holds when only what we do not claim failed', async () => {
  const verdict = await judge(
    suite([
      { id: 'ping', passed: true },
      { id: 'push', passed: false, detail: 'no PUSH_PROMISE' },
    ]),
  )
  assert.equal(verdict.holds, true)
  assert.equal(
    formatVerdict(verdict),
    'sample (example.org/sample v1): 1 passed, 1 failed\n  - push (not claimed: server push is obsolete)\n      no PUSH_PROMISE',
  )
})

test('a suite does not hold when a claimed case failed or no case ran', async () => {
  const failed = await judge(suite([{ id: 'ping', passed: false }]))
  assert.equal(failed.holds, false)
  assert.match(formatVerdict(failed), /✖ ping/u)
  assert.equal((await judge(suite([]))).holds, false)
})
