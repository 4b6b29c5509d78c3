import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { binaries, needs } from '../../../../scripts/engines/require.ts'
import { SloObjective } from '../../src/slo/slo-objective.ts'
import { sloRules } from '../../src/slo/index.ts'
import { config } from './fixture.ts'

const name = 'shop'
const route = 'ns/shop'
const minute = 60_000
const stepAt = 120

/** Minute of the first firing, evaluated once a minute as Prometheus does here: 6000 requests a minute, from `stepAt` on that many bad. */
function engineFires(bad: number, until: number): number | undefined {
  const objective = new SloObjective(config({ objective: 99.9 }))
  for (let m = 1; m <= until; m++) {
    for (let part = 0; part < 12; part++) {
      const failed = m > stepAt ? bad / 12 : 0
      objective.absorb(500 - failed, failed, (m - 1) * minute + part * 5000 + 1)
    }
    if (objective.evaluate(m * minute)[0]?.firing === true) return m
  }
  return undefined
}

test('Prometheus takes the rules and fires when the engine does', needs('prometheus'), () => {
  const promtool = binaries('prometheus')['promtool'] as string
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-slo-'))
  try {
    const spec = config({ objective: 99.9, latencyOver: '250ms' })
    writeFileSync(join(folder, 'rules.yaml'), sloRules(name, spec, { route }))
    const checked = execFileSync(promtool, ['check', 'rules', join(folder, 'rules.yaml')])
    assert.match(String(checked), /SUCCESS/u)
    for (const bad of [600, 300]) {
      const fires = engineFires(bad, 300)
      assert.ok(fires !== undefined)
      const good = 6000 - bad
      const series = (flag: string, kind: string): string =>
        `'tidemill_gw_requests_total{route="${route}",code_class="${kind}",flag="${flag}"}'`
      const expr = `count(ALERTS{alertname="TidemillSloBurn",tier="page-fast",sloth_severity="page"}) or vector(0)`
      const at = (m: number, value: number): string =>
        `      - {eval_time: ${m}m, expr: '${expr}', exp_samples: [{labels: '{}', value: ${value}}]}`
      const tests = [
        'rule_files: [rules.yaml]',
        'evaluation_interval: 1m',
        'tests:',
        '  - interval: 1m',
        '    input_series:',
        `      - {series: ${series('', '2xx')}, values: '0+6000x${stepAt} ${stepAt * 6000 + good}+${good}x200'}`,
        `      - {series: ${series('', '5xx')}, values: '0x${stepAt} ${bad}+${bad}x200'}`,
        // The gateway's own refusals: they must change nothing.
        `      - {series: ${series('SLO', '5xx')}, values: '0+9000x320'}`,
        '    promql_expr_test:',
        at(fires - 2, 0),
        at(fires + 1, 1),
      ]
      writeFileSync(join(folder, 'test.yaml'), `${tests.join('\n')}\n`)
      const output = execFileSync(promtool, ['test', 'rules', join(folder, 'test.yaml')])
      assert.match(String(output), /SUCCESS/u)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
