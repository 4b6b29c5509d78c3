import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatMoney } from '../../src/render/money.ts'
import { count, progressBar } from '../../src/render/progress-bar.ts'
import { sparkline } from '../../src/render/sparkline.ts'
import { renderTable } from '../../src/render/table.ts'

describe('text rendering', () => {
  it('aligns columns and leaves no blanks at line ends', () => {
    const lines = renderTable(
      [{ title: 'NAME' }, { title: 'N', align: 'right' }],
      [
        ['a', '1'],
        ['long name', '100'],
      ],
    )
    assert.deepEqual(lines, ['NAME         N', 'a            1', 'long name  100'])
  })
  it('writes minor units as money, negative and large ones too', () => {
    assert.equal(formatMoney(123_456_789, 'GBP'), '1,234,567.89 GBP')
    assert.equal(formatMoney(-5, 'GBP'), '-0.05 GBP')
    assert.equal(formatMoney('900719925474099301', 'JPY'), '9,007,199,254,740,993.01 JPY')
  })
  it('fills the progress bar by share and never past its end', () => {
    assert.equal(progressBar(5, 10, 4), '[##--]  50 %  5/10')
    assert.equal(progressBar(30, 10, 4), '[####] 100 %  30/10')
    assert.equal(progressBar(0, 0, 4), '[----]   0 %  0/0')
    assert.equal(count(25_900), '25,900')
  })
  it('scales a sparkline to the largest value', () => {
    assert.equal(sparkline([0, 1, 2, 4]), '▁▂▄█')
    assert.equal(sparkline([0, 0]), '▁▁')
    assert.equal(sparkline([]), '')
  })
})
