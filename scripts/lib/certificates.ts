/**
 * Certificates for tests of TLS, made on the spot, so that no key lies in the repository and none expires:
 *
 *     const authority = createTestAuthority()
 *     const { cert, key } = authority.issue({ names: ['localhost', '127.0.0.1'] })
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

export interface TestCertificate {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS #8. */
  readonly key: string
}

export interface IssueOptions {
  /** DNS names and addresses; the first is the common name too. */
  readonly names: readonly string[]
  /** For client authentication instead of a server. */
  readonly client?: boolean
  /** Lets a test make one that is not valid any more; default valid for a day. */
  readonly expired?: boolean
  /** Kind of its key; default `ec` (P-256). */
  readonly keys?: 'ec' | 'rsa'
}

export interface TestAuthority {
  /** PEM of the authority's own certificate. */
  readonly ca: string
  issue(options: IssueOptions): TestCertificate
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const { length } = body
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), body])
  const size = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const digits = [part & 127]
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift((left & 127) | 128)
    bytes.push(...digits)
  }
  return der(0x06, Buffer.from(bytes))
}

function name(common: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(common)))))
}

function time(at: Date): Buffer {
  return der(0x18, Buffer.from(`${at.toISOString().replaceAll(/[-:T]/gu, '').slice(0, 14)}Z`))
}

function address(text: string): Buffer {
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number))
  const [head = '', tail] = text.split('::')
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16))
  const [before, after] = [words(head), words(tail ?? '')]
  const middle = new Array<number>(8 - before.length - after.length).fill(0)
  return Buffer.from([...before, ...middle, ...after].flatMap((word) => [word >> 8, word & 255]))
}

function alternativeName(text: string): Buffer {
  return isIP(text) === 0 ? der(0x82, Buffer.from(text)) : der(0x87, address(text))
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [der(0x01, Buffer.from([0xff]))] : []
  return sequence(oid(id), ...flag, der(0x04, value))
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))
const day = 86_400_000

interface Subject {
  readonly common: string
  readonly publicKey: KeyObject
  readonly extensions: readonly Uint8Array[]
  readonly from: Date
  readonly until: Date
}

function certificate(subject: Subject, issuer: string, issuerKey: KeyObject): string {
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    name(issuer),
    sequence(time(subject.from), time(subject.until)),
    name(subject.common),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...subject.extensions)),
  )
  const signature = sign('sha256', body, issuerKey)
  const whole = sequence(
    body,
    ecdsaWithSha256,
    der(0x03, Buffer.concat([Buffer.from([0]), signature])),
  )
  const lines = whole.toString('base64').replaceAll(/.{1,64}/gu, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`
}

export function createTestAuthority(): TestAuthority {
  const common = 'Tidemill test authority'
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const from = new Date(Date.now() - 2 * day)
  const until = new Date(Date.now() + day)
  const ca = certificate(
    {
      common,
      publicKey: keys.publicKey,
      extensions: [
        extension('2.5.29.19', true, sequence(der(0x01, Buffer.from([0xff])))),
        extension('2.5.29.15', true, der(0x03, Buffer.from([1, 0x06]))),
      ],
      from,
      until,
    },
    common,
    keys.privateKey,
  )
  return {
    ca,
    issue({ names, client = false, expired = false, keys: kind = 'ec' }) {
      const own =
        kind === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const purpose = client ? '1.3.6.1.5.5.7.3.2' : '1.3.6.1.5.5.7.3.1'
      const cert = certificate(
        {
          common: names[0] ?? 'test',
          publicKey: own.publicKey,
          extensions: [
            extension('2.5.29.15', true, der(0x03, Buffer.from([7, 0x80]))),
            extension('2.5.29.37', false, sequence(oid(purpose))),
            extension('2.5.29.17', false, sequence(...names.map(alternativeName))),
          ],
          from,
          until: expired ? new Date(Date.now() - day) : until,
        },
        common,
        keys.privateKey,
      )
      return { cert, key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
    },
  }
}
