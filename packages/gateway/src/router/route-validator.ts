import type { Problem } from '@tidemill/core'
import { type Fields, isFields, ObjectCheck } from '../object-check.ts'
import { compilePattern } from './pattern.ts'

const routeVersions: readonly string[] = [
  'gateway.networking.k8s.io/v1',
  'gateway.networking.k8s.io/v1beta1',
]
const methods: readonly string[] = 'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH'.split(' ')
const pathTypes: readonly string[] = ['Exact', 'PathPrefix', 'RegularExpression']
const valueTypes: readonly string[] = ['Exact', 'RegularExpression']
const modifierTypes: readonly string[] = ['ReplaceFullPath', 'ReplacePrefixMatch']
const redirectCodes: readonly unknown[] = [301, 302, 303, 307, 308]

const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/u
const hostname = /^(?:\*\.)?[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/u
const address = /^\d+(?:\.\d+){3}$/u
const pathText = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/u
const pathTraps = /\/\/|\/\.\.?(?:\/|$)|%2f|#/iu
const duration = /^(?:\d{1,5}(?:h|m|s|ms)){1,4}$/u

/** The member of a filter that holds its settings, by filter type of the standard. */
const filterMembers: Readonly<Record<string, string>> = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  RequestMirror: 'requestMirror',
  CORS: 'cors',
  ExternalAuth: 'externalAuth',
  ExtensionRef: 'extensionRef',
}

/** Filters that a rule may hold once (httproute_types.go, HTTPRouteRule.Filters). */
const singleFilters: ReadonlySet<unknown> = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
])

/**
 * Everything that is wrong with an HTTPRoute object, each with its JSON path; empty when it is valid.
 * The rules are those of the v1 custom resource definition with its CEL rules, plus ours: expressions
 * must run in linear time. Unknown fields inside `spec` are problems, because a misspelt condition would
 * silently match more.
 */
export function validateHttpRoute(value: unknown): Problem[] {
  const check = new ObjectCheck()
  const route = check.object('', value)
  if (route === undefined) return check.problems
  check.oneOf('/apiVersion', route['apiVersion'], routeVersions)
  check.oneOf('/kind', route['kind'], ['HTTPRoute'])
  checkMetadata(check, route['metadata'])
  const spec = check.object('/spec', route['spec'])
  if (spec !== undefined) checkSpec(check, spec)
  return check.problems
}

/** Checks the `metadata` that routes and policies share. */
export function checkMetadata(check: ObjectCheck, value: unknown): void {
  const metadata = check.object('/metadata', value)
  if (metadata === undefined) return
  check.text('/metadata/name', metadata['name'], 253, hostname, 'a lower-case DNS name')
  if (metadata['namespace'] !== undefined) {
    const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/u
    check.text('/metadata/namespace', metadata['namespace'], 63, label, 'a lower-case DNS label')
  }
  const created = metadata['creationTimestamp']
  const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/u
  if (
    created !== undefined &&
    created !== null &&
    !(typeof created === 'string' && rfc3339.test(created) && !Number.isNaN(Date.parse(created)))
  ) {
    check.wrong('/metadata/creationTimestamp', created, 'an RFC 3339 time')
  }
}

function checkSpec(check: ObjectCheck, spec: Fields): void {
  check.known('/spec', spec, ['parentRefs', 'hostnames', 'rules', 'useDefaultGateways'])
  check.list('/spec/parentRefs', spec['parentRefs'], 32, (path, item) => check.object(path, item))
  check.list('/spec/hostnames', spec['hostnames'], 16, (path, item) => {
    check.text(path, item, 253, hostname, 'a lower-case host name, perhaps with a leading *.')
    if (typeof item === 'string' && address.test(item)) {
      check.wrong(path, item, 'a name, not an IP address')
    }
  })
  let matches = 0
  const names = new Set<unknown>()
  const rules = spec['rules']
  if (Array.isArray(rules) && rules.length === 0) check.wrong('/spec/rules', [], '1 to 16 rules')
  check.list('/spec/rules', rules, 16, (path, item) => {
    const rule = check.object(path, item)
    if (rule === undefined) return
    matches += Array.isArray(rule['matches']) ? rule['matches'].length : 1
    const name = rule['name']
    if (name !== undefined) {
      check.text(`${path}/name`, name, 253, hostname, 'a lower-case DNS name')
      if (names.has(name)) check.wrong(`${path}/name`, name, 'a name that no other rule has')
      names.add(name)
    }
    checkRule(check, path, rule)
  })
  if (matches > 128) check.wrong('/spec/rules', `${matches} matches`, 'at most 128 matches in all')
}

function checkRule(check: ObjectCheck, path: string, rule: Fields): void {
  check.known(path, rule, [
    'name',
    'matches',
    'filters',
    'backendRefs',
    'timeouts',
    'retry',
    'sessionPersistence',
  ])
  check.list(`${path}/matches`, rule['matches'], 64, (at, item) => {
    const match = check.object(at, item)
    if (match !== undefined) checkMatch(check, at, match)
  })
  checkFilters(check, `${path}/filters`, rule['filters'], rule['matches'])
  check.list(`${path}/backendRefs`, rule['backendRefs'], 16, (at, item) => {
    const ref = check.object(at, item)
    if (ref === undefined) return
    check.known(at, ref, ['group', 'kind', 'name', 'namespace', 'port', 'weight', 'filters'])
    check.text(`${at}/name`, ref['name'], 253, hostname, 'a lower-case DNS name')
    if (ref['namespace'] !== undefined) {
      check.text(`${at}/namespace`, ref['namespace'], 63, hostname, 'a lower-case DNS label')
    }
    check.integer(`${at}/port`, ref['port'], 1, 65_535)
    check.integer(`${at}/weight`, ref['weight'], 0, 1_000_000)
    checkFilters(check, `${at}/filters`, ref['filters'], undefined)
  })
  const redirects = filterTypes(rule['filters']).includes('RequestRedirect')
  if (redirects && Array.isArray(rule['backendRefs']) && rule['backendRefs'].length > 0) {
    check.wrong(
      `${path}/backendRefs`,
      rule['backendRefs'],
      'absent beside a RequestRedirect filter',
    )
  }
  checkTimeouts(check, `${path}/timeouts`, rule['timeouts'])
}

function checkMatch(check: ObjectCheck, path: string, match: Fields): void {
  check.known(path, match, ['path', 'method', 'headers', 'queryParams'])
  if (match['path'] !== undefined) {
    const pathMatch = check.object(`${path}/path`, match['path'])
    if (pathMatch !== undefined) checkPath(check, `${path}/path`, pathMatch)
  }
  if (match['method'] !== undefined) check.oneOf(`${path}/method`, match['method'], methods)
  checkValues(check, `${path}/headers`, match['headers'], 4096)
  checkValues(check, `${path}/queryParams`, match['queryParams'], 1024)
}

function checkPath(check: ObjectCheck, path: string, match: Fields): void {
  check.known(path, match, ['type', 'value'])
  const type = match['type'] ?? 'PathPrefix'
  const value = match['value'] ?? '/'
  check.oneOf(`${path}/type`, type, pathTypes)
  const at = `${path}/value`
  if (type === 'RegularExpression') checkPattern(check, at, value, 1024)
  else checkPathText(check, at, value)
}

function checkPathText(check: ObjectCheck, at: string, value: unknown): void {
  if (typeof value !== 'string' || !value.startsWith('/') || value.length > 1024) {
    check.wrong(at, value, 'a path that starts with / and has at most 1024 characters')
  } else if (pathTraps.test(value)) {
    check.wrong(at, value, 'a path without //, /./, /../, %2f or #')
  } else if (!pathText.test(value)) {
    check.wrong(at, value, 'a path of RFC 3986 characters, others percent-encoded')
  }
}

function checkValues(check: ObjectCheck, path: string, value: unknown, longest: number): void {
  check.list(path, value, 16, (at, item) => {
    const match = check.object(at, item)
    if (match === undefined) return
    check.known(at, match, ['type', 'name', 'value'])
    check.text(`${at}/name`, match['name'], 256, token, 'a name of RFC 9110 token characters')
    const type = match['type'] ?? 'Exact'
    check.oneOf(`${at}/type`, type, valueTypes)
    if (type === 'RegularExpression') checkPattern(check, `${at}/value`, match['value'], longest)
    else check.text(`${at}/value`, match['value'], longest)
  })
}

function checkPattern(check: ObjectCheck, at: string, value: unknown, longest: number): void {
  if (typeof value !== 'string' || value === '' || value.length > longest) {
    check.wrong(at, value, `an expression of 1 to ${longest} characters`)
    return
  }
  const { refused } = compilePattern(value)
  if (refused !== undefined) {
    check.wrong(at, value, `an expression that runs in linear time (${refused})`)
  }
}

function filterTypes(value: unknown): readonly unknown[] {
  return Array.isArray(value)
    ? value.map((item) => (isFields(item) ? item['type'] : undefined))
    : []
}

/** `matches` is the rule's list; a filter of a backend has none and may not replace a prefix. */
function checkFilters(check: ObjectCheck, path: string, value: unknown, matches: unknown): void {
  const types = filterTypes(value)
  if (types.includes('RequestRedirect') && types.includes('URLRewrite')) {
    check.wrong(path, types, 'either RequestRedirect or URLRewrite')
  }
  check.list(path, value, 16, (at, item, index) => {
    const filter = check.object(at, item)
    if (filter === undefined) return
    const type = filter['type']
    check.oneOf(`${at}/type`, type, Object.keys(filterMembers))
    const member = typeof type === 'string' ? filterMembers[type] : undefined
    if (member === undefined) return
    check.known(at, filter, ['type', member])
    if (singleFilters.has(type) && types.indexOf(type) < index) {
      check.wrong(`${at}/type`, type, 'a filter that stands once')
    }
    const settings = check.object(`${at}/${member}`, filter[member])
    if (settings === undefined) return
    if (type === 'RequestHeaderModifier' || type === 'ResponseHeaderModifier') {
      checkHeaderFilter(check, `${at}/${member}`, settings)
    } else if (type === 'RequestRedirect' || type === 'URLRewrite') {
      checkTargetFilter(check, `${at}/${member}`, settings, matches)
    }
  })
}

function checkHeaderFilter(check: ObjectCheck, path: string, settings: Fields): void {
  check.known(path, settings, ['set', 'add', 'remove'])
  for (const key of ['set', 'add']) {
    check.list(`${path}/${key}`, settings[key], 16, (at, item) => {
      const header = check.object(at, item)
      if (header === undefined) return
      checkHeaderName(check, `${at}/name`, header['name'])
      const visible = /^[\t\x20-\x7e\x80-\xff]*$/u
      check.text(`${at}/value`, header['value'], 4096, visible, 'text without control characters')
    })
  }
  check.list(`${path}/remove`, settings['remove'], 16, (at, item) =>
    checkHeaderName(check, at, item),
  )
}

/** Fields by which a message is cut out of its connection; a filter on them would let two parsers disagree. */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function checkHeaderName(check: ObjectCheck, path: string, value: unknown): void {
  check.text(path, value, 256, token, 'a header name')
  if (typeof value === 'string' && framing.has(value.toLowerCase())) {
    check.wrong(path, value, 'a header that neither frames nor routes the message')
  }
}

function checkTargetFilter(
  check: ObjectCheck,
  path: string,
  settings: Fields,
  matches: unknown,
): void {
  check.known(path, settings, ['scheme', 'hostname', 'path', 'port', 'statusCode'])
  if (settings['scheme'] !== undefined) {
    check.oneOf(`${path}/scheme`, settings['scheme'], ['http', 'https'])
  }
  if (settings['hostname'] !== undefined) {
    check.text(`${path}/hostname`, settings['hostname'], 253, hostname, 'a lower-case host name')
  }
  check.integer(`${path}/port`, settings['port'], 1, 65_535)
  const code = settings['statusCode']
  if (code !== undefined && !redirectCodes.includes(code)) {
    check.wrong(`${path}/statusCode`, code, `one of ${redirectCodes.join(', ')}`)
  }
  if (settings['path'] === undefined) return
  const modifier = check.object(`${path}/path`, settings['path'])
  if (modifier === undefined) return
  check.known(`${path}/path`, modifier, ['type', 'replaceFullPath', 'replacePrefixMatch'])
  const { type } = modifier
  check.oneOf(`${path}/path/type`, type, modifierTypes)
  const member = type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch'
  const replacement = modifier[member]
  const visible = /^[\x21-\x22\x24-\x3e\x40-\x7e]*$/u
  if (typeof replacement !== 'string' || replacement.length > 1024 || !visible.test(replacement)) {
    check.wrong(`${path}/path/${member}`, replacement, 'a path of at most 1024 characters')
  } else if (replacement !== '' && !replacement.startsWith('/')) {
    check.wrong(`${path}/path/${member}`, replacement, 'a path that starts with /')
  }
  if (type === 'ReplacePrefixMatch' && !hasOnePrefix(matches)) {
    check.wrong(`${path}/path/type`, type, 'used with exactly one PathPrefix match in the rule')
  }
}

/** CEL rule of HTTPRouteRule: replacing a prefix needs exactly one match, a PathPrefix (the default too). */
function hasOnePrefix(matches: unknown): boolean {
  if (matches === undefined) return true
  if (!Array.isArray(matches) || matches.length !== 1) return false
  const path: unknown = isFields(matches[0]) ? matches[0]['path'] : undefined
  return path === undefined || (isFields(path) && (path['type'] ?? 'PathPrefix') === 'PathPrefix')
}

function checkTimeouts(check: ObjectCheck, path: string, value: unknown): void {
  if (value === undefined) return
  const timeouts = check.object(path, value)
  if (timeouts === undefined) return
  check.known(path, timeouts, ['request', 'backendRequest'])
  const expected = 'a duration with units, such as 10s or 500ms'
  for (const key of ['request', 'backendRequest']) {
    const text = timeouts[key]
    if (text !== undefined) check.text(`${path}/${key}`, text, 32, duration, expected)
  }
  const request = durationMs(timeouts['request'])
  const backend = durationMs(timeouts['backendRequest'])
  if (request !== undefined && request > 0 && backend !== undefined && backend > request) {
    check.wrong(`${path}/backendRequest`, timeouts['backendRequest'], 'at most the request timeout')
  }
}

/** A Gateway API duration (GEP-2257) in milliseconds; undefined when absent or not one. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value !== 'string' || !duration.test(value)) return undefined
  const unit: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
  let ms = 0
  for (const part of value.matchAll(/(\d+)(ms|h|m|s)/gu)) {
    ms += Number(part[1]) * (unit[part[2] ?? ''] ?? 0)
  }
  return ms
}
