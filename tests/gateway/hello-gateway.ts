/**
 * The gateway in front of an upstream that answers every request with "hello", for h2spec:
 *
 *     node tests/gateway/hello-gateway.ts --port N [--tls]
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { openLocalRuntime } from '../../packages/gateway/src/runtime/index.ts'
import { createTestAuthority } from '../../scripts/lib/certificates.ts'

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, tls: { type: 'boolean', default: false } },
})

/** Answers when the request is whole, so that a fault in it is met before there is an answer. */
const upstream = createServer((request, response) => {
  request.resume()
  request.on('end', () => response.writeHead(200, { 'content-length': 5 }).end('hello'))
  request.on('error', () => undefined)
})
await new Promise<void>((resolve) => {
  upstream.listen(0, '127.0.0.1', resolve)
})

const api = 'gateway.networking.k8s.io/v1'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

function object(apiVersion: string, kind: string, name: string, fields: object) {
  const text = JSON.stringify({
    apiVersion,
    kind,
    metadata: { name, namespace: 'default' },
    ...fields,
  })
  return { kind, key: `default/${name}`, text, revision: 1 }
}

function secret() {
  const { cert, key } = createTestAuthority().issue({ names: ['localhost', '127.0.0.1'] })
  const data = { 'tls.crt': base64(cert), 'tls.key': base64(key) }
  return object('v1', 'Secret', 'certificate', { type: 'kubernetes.io/tls', data })
}

const listener = values.tls
  ? { protocol: 'HTTPS', port: 443, tls: { certificateRefs: [{ name: 'certificate' }] } }
  : { protocol: 'HTTP', port: 80 }
const backendRefs = [{ name: 'hello', port: 80 }]
const gatewayClass = 'tidemill'
const runtime = openLocalRuntime({ listen: [{ address: '127.0.0.1', port: Number(values.port) }] })
await runtime.setBackends({
  'default/hello': [`127.0.0.1:${(upstream.address() as AddressInfo).port}`],
})
await runtime.apply(
  [
    ...(values.tls ? [secret()] : []),
    object(api, 'Gateway', 'hello', {
      spec: { gatewayClassName: gatewayClass, listeners: [{ name: 'main', ...listener }] },
    }),
    object(api, 'HTTPRoute', 'hello', {
      spec: { parentRefs: [{ name: 'hello' }], rules: [{ backendRefs }] },
    }),
  ],
  1,
  true,
)
for (const { kind, key, state, problems } of runtime.status()) {
  if (state !== 'active') throw new Error(`${kind} ${key} ${state}: ${JSON.stringify(problems)}`)
}
console.log(`listening on 127.0.0.1:${runtime.sockets()[0]?.boundPort}`)
process.once('SIGTERM', () => process.exit(0))
