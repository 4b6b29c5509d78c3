/**
 * What a header field is and what is wrong with it, as bits: those of all fields of a list, put together, decide
 * whether the list is well formed (RFC 9113 8.2, 8.3). A table entry keeps the bits of its field, so that a field that
 * comes a thousand times is looked at once.
 */
export const METHOD: number = 1 << 0
export const SCHEME: number = 1 << 1
export const AUTHORITY: number = 1 << 2
export const PATH: number = 1 << 3
export const PROTOCOL: number = 1 << 4
export const STATUS: number = 1 << 5
export const PSEUDO: number = METHOD | SCHEME | AUTHORITY | PATH | PROTOCOL | STATUS
/** `:method` is CONNECT. */
export const CONNECT: number = 1 << 6
export const HOST: number = 1 << 7
export const CONTENT_LENGTH: number = 1 << 8
/** A field that is none of the pseudo-headers. */
export const REGULAR: number = 1 << 9

/** A name that is not a lower-case token. */
export const BAD_NAME: number = 1 << 16
/** A value with a control character, or with white space at an end. */
export const BAD_VALUE: number = 1 << 17
/** A field that speaks of the connection, which HTTP/2 does not have, or `te` with other than `trailers`. */
export const CONNECTION_FIELD: number = 1 << 18
export const UNKNOWN_PSEUDO: number = 1 << 19
/** Of a list: a field twice that may come once. */
export const DUPLICATE: number = 1 << 20
/** Of a list: a pseudo-header after a regular field. */
export const LATE_PSEUDO: number = 1 << 21
/** A pseudo-header whose value its syntax does not allow, or `content-length` that is no number. */
export const BAD_SYNTAX: number = 1 << 22
export const FAULTS: number =
  BAD_NAME | BAD_VALUE | CONNECTION_FIELD | UNKNOWN_PSEUDO | DUPLICATE | LATE_PSEUDO | BAD_SYNTAX

const ONCE: number = PSEUDO | HOST | CONTENT_LENGTH

/** Characters of a name: 1 for RFC 9110 tokens without capitals. */
const nameChars = new Uint8Array(256)
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
  nameChars[char.charCodeAt(0)] = 1

/** Adds a field to the bits of the fields before it. */
export function addField(list: number, field: number): number {
  let bits = list | field
  if ((list & field & ONCE) !== 0) bits |= DUPLICATE
  if ((list & REGULAR) !== 0 && (field & PSEUDO) !== 0) bits |= LATE_PSEUDO
  return bits
}

/** The bits of one field. */
export function fieldClass(name: string, value: string): number {
  return classifyValue(nameClass(name), value)
}

/** The bits that the name alone decides. */
export function nameClass(name: string): number {
  const size = name.length
  if (size === 0) return BAD_NAME | REGULAR
  if (name.charCodeAt(0) === 0x3a) return pseudoClass(name)
  for (let i = 0; i < size; i++) {
    const char = name.charCodeAt(i)
    if (char > 255 || nameChars[char] === 0) return BAD_NAME | REGULAR
  }
  switch (size) {
    case 2:
      return name === 'te' ? TE : REGULAR
    case 4:
      return name === 'host' ? HOST | REGULAR : REGULAR
    case 7:
      return name === 'upgrade' ? CONNECTION_FIELD | REGULAR : REGULAR
    case 10:
      return name === 'connection' || name === 'keep-alive' ? CONNECTION_FIELD | REGULAR : REGULAR
    case 14:
      return name === 'content-length' ? CONTENT_LENGTH | REGULAR : REGULAR
    case 16:
      return name === 'proxy-connection' ? CONNECTION_FIELD | REGULAR : REGULAR
    case 17:
      return name === 'transfer-encoding' ? CONNECTION_FIELD | REGULAR : REGULAR
    default:
      return REGULAR
  }
}

/** Between `nameClass` and `classifyValue`: the value decides. */
const TE_NAME: number = 1 << 10
const TE: number = TE_NAME | REGULAR

function pseudoClass(name: string): number {
  switch (name) {
    case ':path':
      return PATH
    case ':method':
      return METHOD
    case ':scheme':
      return SCHEME
    case ':authority':
      return AUTHORITY
    case ':status':
      return STATUS
    case ':protocol':
      return PROTOCOL
    default:
      return UNKNOWN_PSEUDO
  }
}

/** Adds what the value says to the bits of its name. */
export function classifyValue(ofName: number, value: string): number {
  const size = value.length
  let bits = ofName
  for (let i = 0; i < size; i++) {
    const char = value.charCodeAt(i)
    if ((char < 0x20 && char !== 0x09) || char === 0x7f || char > 0xff) {
      bits |= BAD_VALUE
      break
    }
  }
  if (size > 0 && (isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(size - 1))))
    bits |= BAD_VALUE
  if ((bits & SPECIAL) === 0) return bits
  if ((bits & PSEUDO) !== 0) return pseudoValue(bits, value)
  if ((bits & TE_NAME) !== 0)
    return value === 'trailers' || value.toLowerCase() === 'trailers'
      ? bits & ~TE_NAME
      : (bits & ~TE_NAME) | CONNECTION_FIELD
  return parseContentLength(value) < 0 ? bits | BAD_SYNTAX : bits
}

const SPECIAL: number = PSEUDO | TE_NAME | CONTENT_LENGTH

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x09
}

function pseudoValue(ofName: number, value: string): number {
  let bits = ofName
  switch (bits & PSEUDO) {
    case METHOD:
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)) bits |= BAD_SYNTAX
      if (value === 'CONNECT') bits |= CONNECT
      return bits
    case SCHEME:
      return /^[A-Za-z][A-Za-z0-9+.-]*$/.test(value) ? bits : bits | BAD_SYNTAX
    case STATUS:
      // 101 does not exist in HTTP/2, RFC 9113 8.6.
      return /^[1-9][0-9][0-9]$/.test(value) && value !== '101' ? bits : bits | BAD_SYNTAX
    case AUTHORITY:
      // No userinfo, RFC 9113 8.3.1; the rest would end a request line's target early after a downgrade.
      return /[ \t/@?#\\]/.test(value) ? bits | BAD_SYNTAX : bits
    case PATH:
      return value === '' || value.includes(' ') || value.includes('\t') ? bits | BAD_SYNTAX : bits
    default:
      return value === '' ? bits | BAD_SYNTAX : bits
  }
}

/** The number that a `content-length` value is, -1 when it is none or above 2^53 - 1. */
export function parseContentLength(value: string): number {
  const size = value.length
  if (size === 0 || size > 16) return -1
  let number = 0
  for (let i = 0; i < size; i++) {
    const digit = value.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return -1
    number = number * 10 + digit
  }
  return Number.isSafeInteger(number) ? number : -1
}
