export { h2Ciphers } from './ciphers.ts'
export { bindHttp2, connectHttp2 } from './client.ts'
export { createHttp2Server } from './server.ts'
export type {
  Http2ClientOptions,
  Http2ClientTls,
  Http2Server,
  Http2ServerOptions,
  Http2ServerTls,
  Http2SocketOptions,
} from './types.ts'
