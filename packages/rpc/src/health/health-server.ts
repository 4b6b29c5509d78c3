import { create } from '@bufbuild/protobuf'
import {
  Health as HealthService,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
} from '../gen/grpc/health/v1/health_pb.ts'
import { RpcError } from '../rpc-error.ts'
import type { ServerContext } from '../server/context.ts'
import type { Server } from '../server/server.ts'
import { Health, toWire } from './health.ts'

/**
 * Serves `grpc.health.v1.Health` on a server: the services that it has, and what `health` says of them. When the
 * server drains, everything becomes NOT_SERVING before clients are told to go away, and watches end with UNAVAILABLE
 * so that they do not hold the drain up.
 */
export function addHealth(server: Server, health: Health = new Health()): Health {
  health.follow(() => server.services.map((service) => service.typeName))
  server.onDrain(() => health.drain())
  server.add(HealthService, {
    check({ service }) {
      const status = health.status(service)
      if (status === 'SERVICE_UNKNOWN')
        throw new RpcError('NOT_FOUND', `unknown service ${service}`)
      return { status: toWire(status) }
    },
    list() {
      const statuses: Record<string, HealthCheckResponse> = {}
      for (const [name, status] of health.list()) {
        statuses[name] = create(HealthCheckResponseSchema, { status: toWire(status) })
      }
      return { statuses }
    },
    async *watch({ service }, ctx: ServerContext) {
      for await (const status of health.watch(service, ctx.signal)) yield { status: toWire(status) }
      if (health.drained) throw new RpcError('UNAVAILABLE', 'the server is going away')
    },
  })
  return health
}
