/**
 * Our gateway on a port, in front of one upstream:
 *
 *     node our-gateway.ts --port N --upstream N [--policies all|none|limit] [--routes N] [--grpc] [--workers N]
 *
 * `all` gives every route a breaker, a limit that never refuses and a line in the access log, `none` is a bare proxy of
 * one route, `limit` has one limit for all workers. SIGUSR2 begins changing a route `--churn` times a second and, sent
 * again, ends that and prints `churn` with JSON; with workers it replaces them one by one and prints `restarted`.
 */
import { parseArgs } from 'node:util'
import {
  type GatewayRuntime,
  openLocalRuntime,
  openPooledRuntime,
} from '../../packages/gateway/src/runtime/index.ts'
import { Churn } from './churn.ts'
import { everyPolicy, grpcRoute, httpRoute, nodeLimit, noPolicy, routePolicy } from './objects.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    upstream: { type: 'string', default: '0' },
    policies: { type: 'string', default: 'none' },
    routes: { type: 'string' },
    grpc: { type: 'boolean', default: false },
    workers: { type: 'string', default: '0' },
    churn: { type: 'string', default: '50' },
    'access-log': { type: 'string', default: '/dev/null' },
    limit: { type: 'string', default: '1000' },
  },
})
const all = values.policies === 'all'
const workers = Number(values.workers)
const options = {
  implicitListener: { address: '127.0.0.1', port: Number(values.port) },
  ...(all ? { accessLog: { path: values['access-log'] } } : {}),
}

function objects(): ReturnType<typeof httpRoute>[] {
  if (values.grpc) return [grpcRoute('calls'), routePolicy('calls', 'GRPCRoute', noPolicy)]
  const count = Number(values.routes ?? (all ? 1000 : 1))
  const policy =
    values.policies === 'limit'
      ? nodeLimit(Number(values.limit), 100)
      : all
        ? everyPolicy
        : noPolicy
  return Array.from({ length: count }, (_, i) => [
    httpRoute(`r${i}`, count === 1 ? '/' : `/r${i}`),
    routePolicy(`r${i}`, 'HTTPRoute', policy),
  ]).flat()
}

const runtime: GatewayRuntime =
  workers > 0 ? await openPooledRuntime({ ...options, workers }) : openLocalRuntime(options)
const churn = new Churn(runtime, Number(values.churn))
// Before it listens: whoever sees the port open may send the signal, and without a handler it kills.
process.on('SIGUSR2', () => {
  if (workers > 0) {
    runtime.restart().then(
      () => console.log('restarted'),
      (error: unknown) => console.log('restart failed', error),
    )
  } else if (churn.running) console.log(`churn ${JSON.stringify(churn.stop())}`)
  else churn.start()
})
await runtime.setBackends({ 'default/web': [`127.0.0.1:${values.upstream}`] })
await runtime.apply(objects(), 1, true)
for (const { kind, key, state, problems } of runtime.status()) {
  if (state !== 'active') throw new Error(`${kind} ${key} ${state}: ${JSON.stringify(problems)}`)
}

process.once('SIGTERM', () => {
  if (workers === 0) process.exit(0)
  else void runtime.close().finally(() => process.exit(0))
})
