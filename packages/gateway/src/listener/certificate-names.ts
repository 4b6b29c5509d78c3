import type { X509Certificate } from 'node:crypto'

/** One entry of a subjectAltName as Node prints it. */
export interface AlternativeName {
  /** `DNS`, `URI`, `IP Address`, `email`, ... */
  readonly type: string
  readonly value: string
}

/**
 * Takes `subjectAltName` of an X509Certificate apart. Values with characters of syntax come as JSON strings, so that one
 * name cannot pass for two (CVE-2021-44532).
 */
export function parseAlternativeNames(text: string | undefined): AlternativeName[] {
  const names: AlternativeName[] = []
  if (text === undefined) return names
  for (const [, type = '', quoted, bare = ''] of text.matchAll(
    /(?:^|, )([^:,"]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))/gu,
  ))
    names.push({ type, value: quoted === undefined ? bare : String(JSON.parse(quoted)) })
  return names
}

/** Names that a server certificate answers for, lower case: its DNS names, else its common name. */
export function certificateNames(certificate: X509Certificate): string[] {
  const names = parseAlternativeNames(certificate.subjectAltName)
    .filter(({ type }) => type === 'DNS')
    .map(({ value }) => value.toLowerCase())
  if (names.length > 0) return names
  const common = /^CN=(.+)$/mu.exec(certificate.subject)?.[1]
  return common === undefined ? [] : [common.toLowerCase()]
}
