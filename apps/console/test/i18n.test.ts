import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { en } from '../src/i18n/en.ts'
import { zhCn } from '../src/i18n/zh-cn.ts'

const placeholders = (text: string): string[] =>
  [...text.matchAll(/\{\w+\}/gu)].map(([word]) => word).toSorted()

describe('catalogues', () => {
  it('have the same keys and the same placeholders in both languages', () => {
    assert.deepEqual(Object.keys(zhCn).toSorted(), Object.keys(en).toSorted())
    for (const key of Object.keys(en) as (keyof typeof en)[]) {
      assert.deepEqual(placeholders(zhCn[key]), placeholders(en[key]), key)
      assert.notEqual(zhCn[key], '', key)
    }
  })
  it('leave nothing untranslated but names', () => {
    const same = (Object.keys(en) as (keyof typeof en)[]).filter((key) => en[key] === zhCn[key])
    assert.deepEqual(same, ['app.title', 'edge.p99', 'order.saga', 'system.saga'])
  })
})
