import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codesIn, disagreements, errorPage } from '../lib/error-docs.ts'

const row = (
  message: string,
): { message: string; hint: string; http: number; zh: { message: string; hint: string } } => ({
  message,
  hint: 'Do it.',
  http: 400,
  zh: { message: '消息', hint: '做。' },
})
const table = { system: 'x', rows: { TM_X_B: row('b'), TM_X_A: { ...row('a'), retryable: true } } }
const agreeing = {
  tables: [table],
  sources: new Map([['x.ts', `throw xErrors.error('TM_X_A'); xErrors.error('TM_X_B')`]]),
  tests: new Map([['x.test.ts', 'TM_X_A TM_X_B']]),
}

describe('error docs', () => {
  it('list systems and codes in order, each code a heading of its own', () => {
    const page = errorPage([table, { system: 'a', rows: { TM_A_Z: row('z') } }], 'en')
    const headings = page.split('\n').filter((line) => line.startsWith('#'))
    assert.deepEqual(headings, [
      '# Error codes',
      '## a',
      '### TM_A_Z',
      '## x',
      '### TM_X_A',
      '### TM_X_B',
    ])
    assert.match(
      page,
      /### TM_X_A\n\n> a\n\nWhat to do: Do it\.\n\nHTTP status: 400\. The same call may/u,
    )
  })

  it('put the tables of one system under one heading', () => {
    const page = errorPage([table, { system: 'x', rows: { TM_X_AB: row('ab') } }], 'en')
    const headings = page.split('\n').filter((line) => line.startsWith('#'))
    assert.deepEqual(headings.slice(1), ['## x', '### TM_X_A', '### TM_X_AB', '### TM_X_B'])
  })

  it('say the same in Chinese', () => {
    assert.match(errorPage([table], 'zh-CN'), /### TM_X_B\n\n> 消息\n\n如何处理: 做。\n/u)
  })

  it('find the codes in a text and nothing else', () => {
    const text = `'TM_X_A', "TM_SQL_TX_ENDED2" TM_ TM_X 'TM_X_' \`TM_\${system}_Y\` ATM_X_Y`
    assert.deepEqual([...codesIn(text)], ['TM_X_A', 'TM_SQL_TX_ENDED2'])
  })

  it('find nothing to say where tables, sources and tests agree', () => {
    assert.deepEqual(disagreements(agreeing), [])
  })

  it('name a code without a table, one unused, one untested and one in the wrong table', () => {
    const found = disagreements({
      tables: [{ system: 'x', rows: { TM_X_A: row('a'), TM_Y_B: row('b') } }, table],
      sources: new Map([['x.ts', 'TM_X_A TM_X_C']]),
      tests: new Map(),
    })
    assert.deepEqual(found, [
      'TM_Y_B is in the table of x',
      'TM_X_A is in two tables',
      'TM_X_C is in no table (x.ts)',
      'TM_X_A is provoked by no test',
      'TM_Y_B is in a table and no source uses it',
      'TM_Y_B is provoked by no test',
      'TM_X_B is in a table and no source uses it',
      'TM_X_B is provoked by no test',
    ])
  })
})
