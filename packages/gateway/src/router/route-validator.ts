import type { Problem } from '@tidemill/core'
import { type Fields, isFields, ObjectCheck } from '../object-check.ts'
import { parentRefsShape } from '../objects/reference-shapes.ts'
import { listShape, type Shape } from '../objects/shape.ts'
import { checkFilters, filterTypes, sessionShape } from './filter-validator.ts'
import { compilePattern } from './pattern.ts'

const routeVersions: readonly string[] = [
  'gateway.networking.k8s.io/v1',
  'gateway.networking.k8s.io/v1beta1',
]
const methods: readonly string[] = 'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH'.split(' ')
const pathTypes: readonly string[] = ['Exact', 'PathPrefix', 'RegularExpression']
const valueTypes: readonly string[] = ['Exact', 'RegularExpression']

const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/u
const hostname = /^(?:\*\.)?[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/u
const address = /^\d+(?:\.\d+){3}$/u
const pathText = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/u
const pathTraps = /\/\/|\/\.\.?(?:\/|$)|%2f|#/iu
const duration = /^(?:\d{1,5}(?:h|m|s|ms)){1,4}$/u

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
  if (spec['parentRefs'] !== undefined)
    parentRefsShape(check, '/spec/parentRefs', spec['parentRefs'])
  check.list('/spec/hostnames', spec['hostnames'], 16, (path, item) => {
    check.text(path, item, 253, hostname, 'a lower-case host name, perhaps with a leading *.')
    if (typeof item === 'string' && address.test(item)) {
      check.wrong(path, item, 'a name, not an IP address')
    }
  })
  let matches = 0
  const rules = spec['rules']
  if (Array.isArray(rules) && rules.length === 0) check.wrong('/spec/rules', [], '1 to 16 rules')
  check.list('/spec/rules', rules, 16, (path, item) => {
    const rule = check.object(path, item)
    if (rule === undefined) return
    matches += Array.isArray(rule['matches']) ? rule['matches'].length : 1
    const name = rule['name']
    if (name !== undefined) check.text(`${path}/name`, name, 253, hostname, 'a lower-case DNS name')
    checkRule(check, path, rule)
  })
  if (Array.isArray(rules)) checkRuleNames(check, '/spec/rules', rules)
  if (matches > 128) check.wrong('/spec/rules', `${matches} matches`, 'at most 128 matches in all')
}

/** No two rules of a route have one name. */
export function checkRuleNames(check: ObjectCheck, path: string, rules: readonly unknown[]): void {
  const names = new Set<unknown>()
  for (const [i, rule] of rules.entries()) {
    const name = isFields(rule) ? rule['name'] : undefined
    if (name === undefined || name === null) continue
    if (names.has(name)) check.wrong(`${path}/${i}/name`, name, 'a name that no other rule has')
    names.add(name)
  }
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
    checkFilters(check, `${at}/filters`, ref['filters'], rule['matches'])
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
  if (rule['retry'] !== undefined) checkRetry(check, `${path}/retry`, rule['retry'])
  if (rule['sessionPersistence'] !== undefined) {
    sessionShape(check, `${path}/sessionPersistence`, rule['sessionPersistence'])
  }
}

const retriedCode: Shape = (check, path, value) => {
  if (value === undefined || value === null) check.wrong(path, value, 'a status')
  else check.integer(path, value, 400, 599)
}

/** HTTPRouteRetry (GEP-1731): codes are 400 to 599. */
function checkRetry(check: ObjectCheck, path: string, value: unknown): void {
  const retry = check.object(path, value)
  if (retry === undefined) return
  check.known(path, retry, ['codes', 'attempts', 'backoff'])
  if (retry['codes'] !== undefined)
    listShape(retriedCode, 200)(check, `${path}/codes`, retry['codes'])
  check.integer(`${path}/attempts`, retry['attempts'], 0, 1000)
  const expected = 'a duration with units, such as 10s or 500ms'
  if (retry['backoff'] !== undefined) {
    check.text(`${path}/backoff`, retry['backoff'], 32, duration, expected)
  }
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

/** Header or query conditions. */
export function checkValues(
  check: ObjectCheck,
  path: string,
  value: unknown,
  longest: number,
): void {
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

/** Routes repeat a few durations, and each is read when it is checked and when it is compiled. */
const knownDurations = new Map<string, number>()
const mostKnown = 1024

/** A Gateway API duration (GEP-2257) in milliseconds; undefined when absent or not one. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const known = knownDurations.get(value)
  if (known !== undefined) return known
  if (!duration.test(value)) return undefined
  const unit: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
  let ms = 0
  for (const part of value.matchAll(/(\d+)(ms|h|m|s)/gu)) {
    ms += Number(part[1]) * (unit[part[2] ?? ''] ?? 0)
  }
  if (knownDurations.size >= mostKnown) knownDurations.clear()
  knownDurations.set(value, ms)
  return ms
}
