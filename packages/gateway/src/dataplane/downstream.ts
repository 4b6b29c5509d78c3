/**
 * The client's side of one exchange, the same for HTTP/1.1 (where it is a `ServerExchange` of `@tidemill/http1/node`)
 * and HTTP/2. Names are in lower case; framing fields, Date and Connection are its own matter.
 */
export interface Downstream {
  /** Begins a response; `length` is the number of body bytes, -1 when it is not known. Throws on a field that is no field. */
  writeHead(status: number, headers: readonly string[], length: number): void
  /** Adds to the body or the tunnel; false: wait until it is writable. */
  write(part: Uint8Array): boolean
  /** Completes the response, or this direction of a tunnel. */
  end(trailers?: readonly string[]): void
  /** Sends a whole response. */
  respond(status: number, headers: readonly string[], body?: string): void
  /** Sends 100, 102 or 103; false to a client that knows none. */
  informational(status: number, headers?: readonly string[]): boolean
  /** Agrees to the upgrade: from now on both bodies are the tunnel's bytes. */
  tunnel(headers: readonly string[]): void
  /** Finds out whether a client that ended its side is gone. */
  probe(): void
  /** Makes this the last exchange of the connection, where it carries one at a time. */
  closeAfter(): void
  pauseBody(): void
  resumeBody(): void
  /** Breaks the response off, so that the client sees that it is not whole. */
  abort(): void
}
