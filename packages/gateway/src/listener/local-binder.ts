import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type AddressInfo } from 'node:net'
import { gatewayErrors } from '../errors.ts'
import type { Binder } from './binder.ts'
import type { SocketPlan } from './listener-plan.ts'

/** Connections that wait in the kernel while we are busy. */
export const listenBacklog = 4096

const ignore = (): void => undefined

/** What binding a plan's address failed with, as an error of ours. */
export function listenError(plan: SocketPlan, cause: unknown): Error {
  const { code, message } = cause as NodeJS.ErrnoException
  const details = { host: plan.address, port: plan.port, reason: code ?? message }
  return gatewayErrors.error('TM_GATEWAY_LISTEN', details, { cause })
}

/** Opens the sockets in this process. */
export const localBinder: Binder = {
  async tcp(plan, onConnection) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection)
    server.listen({ host: plan.address, port: plan.port, backlog: listenBacklog })
    try {
      await once(server, 'listening')
    } catch (error) {
      throw listenError(plan, error)
    }
    // An accept that fails (out of descriptors) is the system's state, not this server's end.
    server.on('error', ignore)
    return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
  },
  async udp(plan, onSocket) {
    const socket = createSocket({ type: isIPv6(plan.address) ? 'udp6' : 'udp4' })
    socket.bind({ address: plan.address, port: plan.port, exclusive: true })
    try {
      await once(socket, 'listening')
    } catch (error) {
      throw listenError(plan, error)
    }
    socket.on('error', ignore)
    onSocket(socket)
    return { port: socket.address().port, close: () => void socket.close() }
  },
}
