import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCaseLines } from '../judge/case-lines.ts'
import { parseH2specReport } from '../judge/h2spec-report.ts'

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="5.1. Stream States" package="http2/5.1" id="5.1" tests="2" skipped="0" failures="1" errors="1">
    <testcase package="http2/5.1" classname="idle: Sends a DATA frame" time="0.0011"></testcase>
    <testcase package="http2/5.1" classname="closed: Sends a HEADERS frame" time="2.0026">
      <error>GOAWAY Frame (Error Code: STREAM_CLOSED)
Connection closed
Timeout \u0000</error>
    </testcase>
    <testcase package="http2/8.1.2.6" classname="the &#34;content-length&#34; header" time="0.1"><failure>Expect: a &lt; b</failure></testcase>
  </testsuite>
  <testsuite name="5.1.2. Stream Concurrency" package="http2/5.1.2" id="5.1.2" tests="1" skipped="1" failures="0" errors="0">
    <testcase package="http2/5.1.2" classname="exceeds the limit" time="0.0024">
      <skipped></skipped>
    </testcase>
  </testsuite>
</testsuites>`

test('every case of an h2spec report is found, and one that was skipped has failed', () => {
  assert.deepEqual(parseH2specReport(report, 'tls/'), [
    { id: 'tls/http2/5.1 idle: Sends a DATA frame', passed: true },
    {
      id: 'tls/http2/5.1 closed: Sends a HEADERS frame',
      passed: false,
      detail: 'GOAWAY Frame (Error Code: STREAM_CLOSED); Connection closed; Timeout \u0000',
    },
    {
      id: 'tls/http2/8.1.2.6 the "content-length" header',
      passed: false,
      detail: 'Expect: a < b',
    },
    { id: 'tls/http2/5.1.2 exceeds the limit', passed: false, detail: 'skipped' },
  ])
})

test('an h2spec report that was not written holds no case', () => {
  assert.deepEqual(parseH2specReport(''), [])
})

test('a case that a program did not speak of has failed', () => {
  const stdout = 'ok one\nnot ok two: status 2: why\nok three_and_more\n'
  assert.deepEqual(parseCaseLines(['one', 'two', 'three'], stdout, ' crashed\n'), [
    { id: 'one', passed: true },
    { id: 'two', passed: false, detail: 'status 2: why' },
    { id: 'three', passed: false, detail: 'did not run: crashed' },
  ])
})
