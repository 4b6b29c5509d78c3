import type { CallOptions } from '../client/call-options.ts'
import type { Channel } from '../client/channel.ts'
import { Health as HealthService } from '../gen/grpc/health/v1/health_pb.ts'
import { isRpcError } from '../rpc-error.ts'
import { status } from '../status.ts'
import { fromWire, type HealthStatus } from './health.ts'

/**
 * Asks a server for its health, or for that of one of its services; SERVICE_UNKNOWN for one that it does not have.
 * Rejects when the server cannot be asked; UNIMPLEMENTED says that it does not serve health.
 */
export async function checkHealth(
  channel: Pick<Channel, 'client'>,
  service = '',
  options?: CallOptions,
): Promise<HealthStatus> {
  try {
    const response = await channel.client(HealthService).check({ service }, options)
    return fromWire(response.status)
  } catch (error) {
    if (isRpcError(error) && error.status === status.NOT_FOUND) return 'SERVICE_UNKNOWN'
    throw error
  }
}

/** The status now, then each change. Ends by an error of the call; leaving the loop cancels the call. */
export async function* watchHealth(
  channel: Pick<Channel, 'client'>,
  service = '',
  options?: CallOptions,
): AsyncGenerator<HealthStatus, void, undefined> {
  for await (const response of channel.client(HealthService).watch({ service }, options)) {
    yield fromWire(response.status)
  }
}
