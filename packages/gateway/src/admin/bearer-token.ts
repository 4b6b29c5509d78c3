import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A token that nobody can guess: 256 bits. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Compares in a time that does not depend on where texts differ, nor on their lengths. */
export class BearerToken {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digestOf(token)
  }

  /** Whether the value of an Authorization field carries the token. */
  admits(authorization: string | undefined): boolean {
    const given = /^bearer +(\S+)$/iu.exec(authorization ?? '')?.[1] ?? ''
    return timingSafeEqual(digestOf(given), this.#digest) && given !== ''
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
