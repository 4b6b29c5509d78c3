/** Byte classes of RFC 9110 and RFC 3986, one lookup a byte. */

function table(fill: (code: number) => number): Uint8Array {
  const out = new Uint8Array(256)
  for (let code = 0; code < 256; code++) out[code] = fill(code)
  return out
}

const letters = /^[A-Za-z]$/u
const tokenMarks = "!#$%&'*+-.^_`|~"

function isTokenCode(code: number): boolean {
  const char = String.fromCharCode(code)
  return letters.test(char) || (code >= 48 && code <= 57) || tokenMarks.includes(char)
}

/** The lower-case form of a tchar (RFC 9110 5.6.2); 0 for every other byte. */
export const tokenLower: Uint8Array = table((code) => {
  if (!isTokenCode(code)) return 0
  return code >= 65 && code <= 90 ? code + 32 : code
})

/** 1 for bytes of a field value: HTAB, SP, VCHAR and obs-text (RFC 9110 5.5). */
export const fieldByte: Uint8Array = table((code) =>
  code === 9 || (code >= 32 && code !== 127) ? 1 : 0,
)

/** A byte that ends a target or may not stand in one. */
export const targetStop = 0
/** A byte of a target that needs no second look. */
export const targetPlain = 1
/** A byte that sends the target to the full check and normalisation. */
export const targetSpecial = 2
/** A dot: special only after a slash. */
export const targetDot = 3

/** The question mark. */
export const targetQuery = 4

/** Classes of the bytes of a request target for the first, fast pass. */
export const targetByte: Uint8Array = table((code) => {
  if (code <= 32 || code >= 127) return targetStop
  const char = String.fromCharCode(code)
  if (char === '.') return targetDot
  if (char === '?') return targetQuery
  return letters.test(char) || (code >= 48 && code <= 57) || "-_~!$&'()*+,;=:@/".includes(char)
    ? targetPlain
    : targetSpecial
})

/**
 * 1 for characters of a path: pchar, `/` (RFC 3986 3.3) and `[`, `]`, `|`, which browsers do not encode there. `%` is
 * judged with its two digits.
 */
export const pathByte: Uint8Array = table((code) =>
  targetByte[code] === targetStop || '"<>\\#^`{}%?'.includes(String.fromCharCode(code)) ? 0 : 1,
)

/** 1 for characters of a query; browsers send `[ ] { } | ^` and the back quote as they are (WHATWG URL). */
export const queryByte: Uint8Array = table((code) =>
  targetByte[code] === targetStop || '"<>\\#%'.includes(String.fromCharCode(code)) ? 0 : 1,
)

/** The value of a hexadecimal digit; 255 for every other byte. */
export const hexValue: Uint8Array = table((code) => {
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 65 && code <= 70) return code - 55
  if (code >= 97 && code <= 102) return code - 87
  return 255
})

/** 1 for characters of a registered name as we accept it: letters, digits and `-._~`. */
export const hostByte: Uint8Array = table((code) =>
  isTokenCode(code) && !"!#$%&'*+^`|".includes(String.fromCharCode(code)) ? 1 : 0,
)

/** Whether the text is one token. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255 || tokenLower[code] === 0) return false
  }
  return text.length > 0
}

interface Latin1Buffer {
  latin1Slice(start: number, end: number): string
  latin1Write(text: string, offset: number, length: number): number
}

/** The bytes as a string of one character each; half the cost of `toString`, which looks the encoding up. */
export function latin1Text(buffer: Buffer, start: number, end: number): string {
  return (buffer as unknown as Latin1Buffer).latin1Slice(start, end)
}

/** Writes one byte a character. */
export function writeLatin1(buffer: Buffer, text: string, at: number): number {
  return at + (buffer as unknown as Latin1Buffer).latin1Write(text, at, text.length)
}
