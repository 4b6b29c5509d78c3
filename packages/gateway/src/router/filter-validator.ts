import { type Fields, isFields, type ObjectCheck } from '../object-check.ts'
import { backendRefShape, localRefShape } from '../objects/reference-shapes.ts'
import {
  booleanShape,
  integerShape,
  listShape,
  objectShape,
  oneOfShape,
  type Shape,
  textShape,
} from '../objects/shape.ts'

const modifierTypes: readonly string[] = ['ReplaceFullPath', 'ReplacePrefixMatch']
const redirectCodes: readonly unknown[] = [301, 302, 303, 307, 308]
const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/u
const hostname = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/u
const durationForm = /^(?:\d{1,5}(?:h|m|s|ms)){1,4}$/u

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
  'CORS',
])

/** The types of a list of filters, as far as it is one. */
export function filterTypes(value: unknown): readonly unknown[] {
  return Array.isArray(value)
    ? value.map((item) => (isFields(item) ? item['type'] : undefined))
    : []
}

/** `matches` is the list of the rule that the filters belong to. */
export function checkFilters(
  check: ObjectCheck,
  path: string,
  value: unknown,
  matches: unknown,
  allowed: readonly string[] = Object.keys(filterMembers),
): void {
  const types = filterTypes(value)
  if (types.includes('RequestRedirect') && types.includes('URLRewrite')) {
    check.wrong(path, types, 'either RequestRedirect or URLRewrite')
  }
  check.list(path, value, 16, (at, item, index) => {
    const filter = check.object(at, item)
    if (filter === undefined) return
    const type = filter['type']
    check.oneOf(`${at}/type`, type, allowed)
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
    } else if (type === 'RequestMirror') mirrorShape(check, `${at}/${member}`, settings)
    else if (type === 'CORS') corsShape(check, `${at}/${member}`, settings)
    else if (type === 'ExtensionRef') localRefShape(check, `${at}/${member}`, settings)
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

const mirrorShape = objectShape(
  {
    'backendRef!': backendRefShape,
    percent: integerShape(0, 100),
    fraction: objectShape(
      {
        'numerator!': integerShape(0, 0x7f_ff_ff_ff),
        denominator: integerShape(1, 0x7f_ff_ff_ff),
      },
      (check, path, { numerator, denominator }) => {
        const limit = typeof denominator === 'number' ? denominator : 100
        if (typeof numerator === 'number' && numerator > limit) {
          check.wrong(`${path}/numerator`, numerator, 'at most the denominator')
        }
      },
    ),
  },
  (check, path, fields) => {
    if (fields['percent'] !== undefined && fields['fraction'] !== undefined) {
      check.wrong(path, Object.keys(fields), 'an object with either percent or fraction')
    }
  },
)

const origin =
  /^\*$|^https?:\/\/(?:(?:\*\.)?(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(?::[0-9]{1,5})?$/u
const corsMethods = 'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH *'.split(' ')

/** A list in which `*` stands alone. */
function wildcardList(item: Shape, most: number): Shape {
  const list = listShape(item, most)
  return (check, path, value) => {
    list(check, path, value)
    if (Array.isArray(value) && value.length > 1 && value.includes('*')) {
      check.wrong(path, value, 'a list in which * stands alone')
    }
  }
}

const headerName = textShape(256, token, 'a header name')

const corsShape = objectShape({
  allowOrigins: wildcardList(
    textShape(253, origin, 'an origin such as https://example.com, perhaps with *'),
    64,
  ),
  allowCredentials: booleanShape,
  allowMethods: wildcardList(oneOfShape(...corsMethods), 10),
  allowHeaders: wildcardList(headerName, 64),
  exposeHeaders: listShape(headerName, 64),
  maxAge: integerShape(1, 0x7f_ff_ff_ff),
})

const durationShape = textShape(32, durationForm, 'a duration with units, such as 10s or 500ms')

/** SessionPersistence (shared_types.go): which settings go with which type. */
export const sessionShape: Shape = objectShape(
  {
    type: oneOfShape('Cookie', 'Header'),
    cookie: objectShape({
      name: textShape(256, token, 'a cookie name'),
      path: textShape(1024, /^\/[\x21-\x3a\x3c-\x7e]*$/u, 'a path'),
      lifetimeType: oneOfShape('Permanent', 'Session'),
    }),
    header: objectShape({ 'name!': headerName }),
    absoluteTimeout: durationShape,
    // Fields of versions before 1.6.
    sessionName: textShape(128, token, 'a name'),
    idleTimeout: durationShape,
  },
  (check, path, session) => {
    const type = session['type'] ?? 'Cookie'
    const cookie = session['cookie']
    if (cookie !== undefined && type !== 'Cookie') {
      check.wrong(`${path}/cookie`, cookie, 'absent unless type is Cookie')
    }
    if (session['header'] !== undefined && type !== 'Header') {
      check.wrong(`${path}/header`, session['header'], 'absent unless type is Header')
    }
    if (type === 'Header' && session['header'] === undefined && !('sessionName' in session)) {
      check.wrong(`${path}/header`, undefined, 'there when type is Header')
    }
    const lifetime = isFields(cookie) ? cookie['lifetimeType'] : undefined
    if (lifetime === 'Permanent' && session['absoluteTimeout'] === undefined) {
      check.wrong(`${path}/absoluteTimeout`, undefined, 'there for a Permanent cookie')
    }
  },
)

/** Filters of those types. */
export function filtersShape(allowed: readonly string[]): Shape {
  return (check, path, value) => checkFilters(check, path, value, undefined, allowed)
}
