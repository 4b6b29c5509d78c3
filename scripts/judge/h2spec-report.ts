import type { CaseResult } from './suite.ts'

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&#34;': '"',
  '&quot;': '"',
  '&#39;': "'",
}

function unescapeXml(text: string): string {
  return text.replaceAll(/&[#\w]+;/gu, (entity) => entities[entity] ?? entity)
}

/**
 * The cases of the JUnit report that h2spec writes. A skipped case counts as failed: h2spec skips what a server does not
 * let it try. Ids begin with the prefix. The body of a failure is raw and may hold any byte.
 */
export function parseH2specReport(report: string, prefix = ''): readonly CaseResult[] {
  const cases: CaseResult[] = []
  const pattern =
    /<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/gu
  for (const [, group = '', name = '', body = ''] of report.matchAll(pattern)) {
    const id = prefix + unescapeXml(`${group} ${name}`)
    const verdict = /<(failure|error|skipped)>([\s\S]*?)<\/\1>/u.exec(body)
    if (verdict === null) {
      cases.push({ id, passed: true })
    } else {
      const [, kind = '', text = ''] = verdict
      const detail = kind === 'skipped' ? 'skipped' : unescapeXml(text).replaceAll('\n', '; ')
      cases.push({ id, passed: false, detail })
    }
  }
  return cases
}
