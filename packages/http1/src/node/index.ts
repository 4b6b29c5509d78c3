export { bindHttp1Client, connectHttp1 } from './client.ts'
export { type ClientExchange, type ClientRequest, type Http1Client } from './client-exchange.ts'
export { type ClientHandler, type Http1ClientOptions } from './client-options.ts'
export { createHttp1Server, type Http1Server } from './server.ts'
export { type ServerExchange, type Tunnel } from './server-exchange.ts'
export {
  type Http1ServerOptions,
  type Refusal,
  type RefusedConnection,
  type ServerHandler,
} from './server-options.ts'
