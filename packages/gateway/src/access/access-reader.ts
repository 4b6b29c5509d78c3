import { parseBytes, parseDuration, type Problem } from '@tidemill/core'
import { ObjectCheck } from '../object-check.ts'
import {
  AccessFormat,
  type AccessPrivacy,
  envoyTemplate,
  jsonFields,
  templateProblem,
} from './access-format.ts'
import type { AccessLogSpec } from './access-log.ts'
import { secretHeaders } from './redaction.ts'

/** Settings of an access log as a person writes them; every one has a default. */
export interface AccessLogSettings {
  /** A file, appended to; `stdout` (default) or `stderr`. */
  readonly path?: string
  /** Default `json`. */
  readonly format?: 'json' | 'text'
  /** Line of the format `text` with operators as in Envoy; default Envoy's own. */
  readonly template?: string
  /** Fields of the format `json` besides or instead of the usual ones, each a template; null takes one out. */
  readonly fields?: Readonly<Record<string, string | null>>
  /** Part of the requests that is written, 0 to 1; default 1. */
  readonly sample?: number
  /** Write requests with a flag or a status of 500 and above always; default true. */
  readonly sampleErrors?: boolean
  /** `omit` (default), or `redact` to show it with values hidden that look like secrets. */
  readonly query?: 'omit' | 'redact'
  /** Fields that are never shown, besides Authorization, Cookie and their like. */
  readonly redactHeaders?: readonly string[]
  /** Parameters of the query that are never shown, besides those that look like secrets. */
  readonly redactParameters?: readonly string[]
  /** How long lines gather; default 50ms. */
  readonly flush?: string
  /** Most bytes that wait to be written, 1MiB to 1GiB; default 8MiB. */
  readonly buffer?: string | number
}

const names: readonly string[] = [
  'path',
  'format',
  'template',
  'fields',
  'sample',
  'sampleErrors',
  'query',
  'redactHeaders',
  'redactParameters',
  'flush',
  'buffer',
]

/** Reads {@link AccessLogSettings} from outside; undefined when anything is wrong, with a problem for each thing. */
export function readAccessLogSpec(
  value: unknown,
  path: string,
  problems: Problem[],
): AccessLogSpec | undefined {
  const before = problems.length
  const check = new ObjectCheck(problems)
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  check.known(path, spec, names)
  const { format = 'json', sample = 1, sampleErrors = true, query = 'omit' } = spec
  check.oneOf(`${path}/format`, format, ['json', 'text'])
  check.oneOf(`${path}/query`, query, ['omit', 'redact'])
  if (typeof sample !== 'number' || !(sample >= 0 && sample <= 1)) {
    check.wrong(`${path}/sample`, sample, 'a number from 0 to 1')
  }
  if (typeof sampleErrors !== 'boolean') {
    check.wrong(`${path}/sampleErrors`, sampleErrors, 'true or false')
  }
  const file = spec['path'] ?? 'stdout'
  check.text(`${path}/path`, file, 4096)
  const hidden = readNames(check, `${path}/redactHeaders`, spec['redactHeaders'])
  const privacy: AccessPrivacy = {
    headers: new Set([...secretHeaders, ...hidden]),
    query: query === 'redact' ? 'redact' : 'omit',
    parameters: new Set(readNames(check, `${path}/redactParameters`, spec['redactParameters'])),
  }
  const fields = readFields(check, `${path}/fields`, spec['fields'], format)
  const template = readTemplate(check, `${path}/template`, spec['template'], format)
  const flushMs = readNumber(check, `${path}/flush`, spec['flush'] ?? '50ms', readDuration, [
    1,
    10_000,
    'a duration from 1ms to 10s with its unit',
  ])
  const bufferBytes = readNumber(check, `${path}/buffer`, spec['buffer'] ?? '8MiB', parseBytes, [
    1 << 20,
    1 << 30,
    'a size from 1MiB to 1GiB',
  ])
  if (problems.length > before) return undefined
  return {
    format:
      format === 'json' ? AccessFormat.json(fields, privacy) : AccessFormat.text(template, privacy),
    sample: sample as number,
    sampleErrors: sampleErrors as boolean,
    flushMs,
    bufferBytes,
    path: file as string,
  }
}

function readNames(check: ObjectCheck, path: string, value: unknown): string[] {
  const list: string[] = []
  check.list(path, value, 256, (at, item) => {
    check.text(at, item, 256)
    if (typeof item === 'string') list.push(item.toLowerCase())
  })
  return list
}

function readTemplate(check: ObjectCheck, path: string, value: unknown, format: unknown): string {
  if (value === undefined) return envoyTemplate
  if (format === 'json') check.wrong(path, value, 'absent: the format json has fields')
  const problem = typeof value === 'string' ? templateProblem(value) : 'a text'
  if (problem !== '') check.wrong(path, value, problem)
  return typeof value === 'string' ? value : envoyTemplate
}

function readFields(
  check: ObjectCheck,
  path: string,
  value: unknown,
  format: unknown,
): (readonly [string, string])[] {
  const fields = new Map(jsonFields)
  if (value === undefined) return [...fields]
  if (format === 'text') check.wrong(path, value, 'absent: the format text has a template')
  const entries = Object.entries(check.object(path, value) ?? {})
  if (entries.length > 64) check.wrong(path, `${entries.length} fields`, 'at most 64 fields')
  for (const [name, template] of entries) {
    check.text(`${path}/${name}`, name, 128)
    const problem = typeof template === 'string' ? templateProblem(template) : 'a text or null'
    if (template === null) fields.delete(name)
    else if (problem !== '') check.wrong(`${path}/${name}`, template, problem)
    else fields.set(name, template as string)
  }
  if (fields.size === 0) check.wrong(path, value, 'an object that leaves a field')
  return [...fields]
}

function readDuration(value: string | number): number {
  return typeof value === 'string' ? parseDuration(value) : Number.NaN
}

function readNumber(
  check: ObjectCheck,
  path: string,
  value: unknown,
  read: (value: string | number) => number,
  [low, high, expected]: readonly [number, number, string],
): number {
  try {
    const number = typeof value === 'string' || typeof value === 'number' ? read(value) : Number.NaN
    if (number >= low && number <= high) return number
  } catch {
    // Reported below like every other wrong value.
  }
  check.wrong(path, value, expected)
  return low
}
