import type { HeaderList } from '../header-list.ts'
import {
  addField,
  AUTHORITY,
  BAD_NAME,
  BAD_VALUE,
  CONNECT,
  classifyValue,
  CONNECTION_FIELD,
  CONTENT_LENGTH,
  DUPLICATE,
  FAULTS,
  fieldClass,
  HOST,
  LATE_PSEUDO,
  METHOD,
  nameClass,
  PATH,
  PSEUDO,
  SCHEME,
  STATUS,
  UNKNOWN_PSEUDO,
} from './field-class.ts'
import { ADAPT, fieldPolicies, type FieldPolicy, PLAIN, SECRET } from './field-policy.ts'
import { staticNames } from './static-table.ts'

/** What a header list is for. */
export type HeaderKind = 'request' | 'response' | 'trailers'

/** Longest value that is kept to be known again. */
const keptValue = 128

/** A usual name with the value that it had last: most fields that are sent were sent before, and need no second look. */
class UsualName {
  readonly bits: number
  readonly #keep: boolean
  #lastValue = ''
  #lastBits: number

  constructor(name: string, policy: FieldPolicy) {
    this.bits = nameClass(name)
    this.#keep = policy !== SECRET && policy !== PLAIN && name !== 'cookie'
    this.#lastBits = classifyValue(this.bits, '')
  }

  with(value: string): number {
    if (value === this.#lastValue) return this.#lastBits
    const bits = classifyValue(this.bits, value)
    if (this.#keep && value.length <= keptValue) {
      this.#lastValue = value
      this.#lastBits = bits
    }
    return bits
  }
}

const usualNames: ReadonlyMap<string, UsualName> = new Map(
  [...new Set([...staticNames.slice(1), ...fieldPolicies.keys()])].map(
    (name) => [name, new UsualName(name, fieldPolicies.get(name) ?? ADAPT)] as const,
  ),
)

/** The bits of a whole list, for `listFault`. */
export function classifyList(list: HeaderList): number {
  let bits = 0
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i] as string
    const value = list[i + 1] as string
    const usual = usualNames.get(name)
    bits = addField(bits, usual === undefined ? fieldClass(name, value) : usual.with(value))
  }
  return bits
}

/** The value of the first field of that name; undefined when there is none. */
export function headerValue(list: HeaderList, name: string): string | undefined {
  for (let i = 0; i + 1 < list.length; i += 2) if (list[i] === name) return list[i + 1]
  return undefined
}

/**
 * Why a list is malformed by RFC 9113 8.2-8.3, in English for logs; undefined when it is not. `protocol` says whether
 * extended CONNECT (RFC 8441) was agreed. `list` is looked at only where values must be compared.
 */
export function listFault(
  bits: number,
  kind: HeaderKind,
  protocol: boolean,
  list: HeaderList,
): string | undefined {
  if ((bits & FAULTS) !== 0) return faultText(bits)
  if (kind === 'trailers') {
    if ((bits & PSEUDO) !== 0) return 'a pseudo-header in trailers'
    return (bits & CONTENT_LENGTH) !== 0 ? 'content-length in trailers' : undefined
  }
  const pseudo = bits & PSEUDO
  if (kind === 'response') {
    if (pseudo === STATUS) return undefined
    return (pseudo & STATUS) === 0 ? ':status is missing' : 'a pseudo-header of requests'
  }
  const withoutAuthority = pseudo & ~AUTHORITY
  if ((bits & CONNECT) !== 0 && withoutAuthority === METHOD) {
    if ((pseudo & AUTHORITY) === 0) return 'CONNECT without :authority'
  } else if (withoutAuthority !== (METHOD | SCHEME | PATH)) {
    const fault = requestFault(bits, protocol)
    if (fault !== undefined) return fault
  } else if ((bits & CONNECT) !== 0) return 'CONNECT with :scheme and :path'
  if ((bits & HOST) !== 0 && (pseudo & AUTHORITY) !== 0 && !sameHost(list))
    return 'host differs from :authority'
  return undefined
}

/** Of a request whose pseudo-headers are not the usual three. */
function requestFault(bits: number, protocol: boolean): string | undefined {
  if ((bits & STATUS) !== 0) return ':status in a request'
  const missing =
    (bits & METHOD) === 0
      ? ':method'
      : (bits & SCHEME) === 0
        ? ':scheme'
        : (bits & PATH) === 0
          ? ':path'
          : undefined
  if (missing !== undefined) return `${missing} is missing`
  if (!protocol) return ':protocol without extended CONNECT'
  if ((bits & CONNECT) === 0) return ':protocol without CONNECT'
  return (bits & AUTHORITY) === 0 ? 'extended CONNECT without :authority' : undefined
}

function sameHost(list: HeaderList): boolean {
  const host = headerValue(list, 'host') as string
  const authority = headerValue(list, ':authority') as string
  return host === authority || host.toLowerCase() === authority.toLowerCase()
}

function faultText(bits: number): string {
  if ((bits & BAD_NAME) !== 0) return 'a name that is not a lower-case token'
  if ((bits & BAD_VALUE) !== 0) return 'a value with a control character or white space at an end'
  if ((bits & CONNECTION_FIELD) !== 0) return 'a field that speaks of the connection'
  if ((bits & UNKNOWN_PSEUDO) !== 0) return 'an unknown pseudo-header'
  if ((bits & LATE_PSEUDO) !== 0) return 'a pseudo-header after other fields'
  if ((bits & DUPLICATE) !== 0) return 'a field twice that may come once'
  return 'a pseudo-header or content-length with a wrong value'
}

/** Why a list that is to be sent is malformed; undefined when it is not. */
export function headersFault(list: HeaderList, kind: HeaderKind): string | undefined {
  if (list.length % 2 !== 0) return 'a name without a value'
  return listFault(classifyList(list), kind, true, list)
}
