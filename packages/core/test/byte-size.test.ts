import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBytes, TidemillError } from '@tidemill/core'

test('sizes are whole numbers, alone or with a unit', () => {
  const table: readonly [number | string, number][] = [
    [0, 0],
    [65_535, 65_535],
    ['500B', 500],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1.5 MiB', 1_572_864],
    ['2GiB', 2_147_483_648],
    ['10MB', 10_000_000],
    ['1kB', 1000],
  ]
  for (const [size, bytes] of table) assert.equal(parseBytes(size), bytes)
})

test('anything else is refused with TM_CORE_BYTES and its path', () => {
  for (const size of ['', '12', 'MiB', '-1MiB', '1mib', '1TiB', '0.3B', -1, 1.5, Number.NaN]) {
    assert.throws(
      () => parseBytes(size, '/flow/stream'),
      (error) =>
        error instanceof TidemillError &&
        error.code === 'TM_CORE_BYTES' &&
        error.details['path'] === '/flow/stream',
      String(size),
    )
  }
})
