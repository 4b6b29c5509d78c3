/** Where a client connects. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly tls: { readonly ca: string; readonly serverName: string } | undefined
}

/** Where a server listens. */
export interface Listen {
  readonly host: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | undefined
}

export interface InteropServer {
  close(): Promise<void>
}
