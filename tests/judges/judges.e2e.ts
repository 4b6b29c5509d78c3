/** The official suites against ours, each case a test of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../../scripts/engines/require.ts'
import { suites } from '../../scripts/judge/registry.ts'

for (const suite of suites) {
  test(`judge ${suite.name} finds nothing wrong`, needs(...suite.engines), async (t) => {
    const results = await suite.run(() => undefined)
    assert.ok(results.length > 0, 'the suite ran')
    for (const { id, passed, detail } of results) {
      await t.test(id, () => assert.ok(passed || id in suite.notClaimed, detail ?? 'failed'))
    }
  })
}
