/** fastify with @fastify/http-proxy: `node fastify-proxy.ts --port N --upstream N`. */
import { parseArgs } from 'node:util'
import proxy from '@fastify/http-proxy'
import { fastify } from 'fastify'

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, upstream: { type: 'string', default: '0' } },
})
const server = fastify()
await server.register(proxy, { upstream: `http://127.0.0.1:${values.upstream}` })
await server.listen({ host: '127.0.0.1', port: Number(values.port) })
process.once('SIGTERM', () => process.exit(0))
