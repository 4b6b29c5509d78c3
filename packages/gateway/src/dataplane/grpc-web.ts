import { fieldValue } from './field-list.ts'

const grpcType = 'application/grpc'
const empty = Buffer.alloc(0)

/** The content type of plain gRPC for one of gRPC-Web: `application/grpc-web-text+proto` is `application/grpc+proto`. */
export function upstreamContentType(headers: readonly string[]): string {
  const type = fieldValue(headers, 'content-type') ?? grpcType
  return type.replace(/^application\/grpc-web(?:-text)?/u, grpcType)
}

/** Decodes the base64 of grpc-web-text as it comes: groups of four characters, padding between messages. */
export class Base64Reader {
  #rest = ''

  /** The bytes of the whole groups so far; undefined for what is no base64. */
  read(chunk: Uint8Array): Buffer | undefined {
    const text =
      this.#rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1')
    const whole = text.length - (text.length % 4)
    this.#rest = text.slice(whole)
    if (whole === 0) return empty
    const groups = text.slice(0, whole)
    if (!/^[A-Za-z0-9+/=]*$/u.test(groups)) return undefined
    if (!groups.includes('=')) return Buffer.from(groups, 'base64')
    // Each piece was encoded by itself: padding ends it, and the next one begins behind.
    const parts: Buffer[] = []
    for (const [piece] of groups.matchAll(/[^=]+={0,2}/gu)) {
      parts.push(Buffer.from(piece, 'base64'))
    }
    return Buffer.concat(parts)
  }

  /** Whether everything was whole groups. */
  get complete(): boolean {
    return this.#rest === ''
  }
}

/** Turns a gRPC response into one of gRPC-Web (PROTOCOL-WEB.md): the trailers become the last part of the body. */
export class GrpcWebResponse {
  readonly #text: boolean
  #rest: Buffer = empty

  constructor(text: boolean) {
    this.#text = text
  }

  /** Changes the content type in place; false when the upstream did not answer with gRPC. */
  head(headers: string[]): boolean {
    for (let i = 0; i + 1 < headers.length; i += 2) {
      if (headers[i] !== 'content-type') continue
      const type = headers[i + 1] as string
      if (!type.startsWith(grpcType) || type.startsWith(`${grpcType}-web`)) return false
      const form = this.#text ? '-web-text' : '-web'
      headers[i + 1] = grpcType + form + type.slice(grpcType.length)
      return true
    }
    return false
  }

  body(chunk: Buffer): Buffer {
    if (!this.#text) return chunk
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const whole = bytes.length - (bytes.length % 3)
    this.#rest = bytes.subarray(whole)
    return Buffer.from(bytes.toString('base64', 0, whole), 'latin1')
  }

  /** What ends the body. */
  end(trailers: readonly string[]): Buffer {
    let lines = ''
    for (let i = 0; i + 1 < trailers.length; i += 2) {
      lines += `${trailers[i] as string}: ${trailers[i + 1] as string}\r\n`
    }
    const frame = Buffer.allocUnsafe(5 + lines.length)
    frame[0] = 0x80
    frame.writeUInt32BE(lines.length, 1)
    frame.write(lines, 5, 'latin1')
    if (!this.#text) return frame
    return Buffer.from(Buffer.concat([this.#rest, frame]).toString('base64'), 'latin1')
  }
}
