import type { ListenerPlan, SocketPlan } from '../listener/listener-plan.ts'
import { compareAge } from '../objects/age.ts'
import type { GatewayState } from './gateway-state.ts'
import { family } from './listener-conflicts.ts'
import type { ListenerState } from './listener-state.ts'

interface Group {
  readonly transport: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly states: ListenerState[]
}

/**
 * Puts the listeners that serve onto sockets. Where two Gateways are bound to one address, the older one's
 * listeners come first, and another's that cannot be told apart from them is left out.
 */
export function assembleSockets(
  gateways: Iterable<GatewayState>,
  implicit: ListenerState | undefined,
  before: readonly SocketPlan[],
): readonly SocketPlan[] {
  const groups = new Map<string, Group>()
  const ordered = [...gateways]
    .toSorted((a, b) => compareAge(a.object.metadata, b.object.metadata))
    .flatMap((gateway) => gateway.listeners)
  for (const state of implicit === undefined ? ordered : [implicit, ...ordered]) {
    state.unplaced = undefined
    if (!state.programmed || state.address === undefined) continue
    const { address, port } = state.address
    const transport = state.spec.protocol === 'UDP' ? 'udp' : 'tcp'
    // Any free port is another one for every port of every Gateway.
    const mark = port === 0 ? `/${state.gateway}:${state.spec.port}` : ''
    const key = `${transport}:${address}:${port}${mark}`
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { transport, address, port, states: [] }))
    const rival = group.states.find((other) => collides(other, state))
    if (rival === undefined) group.states.push(state)
    else {
      const message = `the Gateway ${rival.gateway} has the same port and hostname at ${address}:${port}`
      state.unplaced = { reason: 'PortUnavailable', message }
    }
  }
  const known = new Map(before.map((socket) => [socket.key, socket]))
  const sockets = Array.from(groups, ([key, { transport, address, port, states }]) => {
    const listeners = states.map((state) => state.plan())
    const old = known.get(key)
    return old !== undefined && same(old.listeners, listeners)
      ? old
      : { key, transport, address, port, listeners }
  })
  return sockets.length === before.length && sockets.every((socket, i) => socket === before[i])
    ? before
    : sockets
}

function collides(a: ListenerState, b: ListenerState): boolean {
  return (
    family(a.spec.protocol) !== family(b.spec.protocol) ||
    (a.hostname === b.hostname && a.gateway !== b.gateway)
  )
}

function same(a: readonly ListenerPlan[], b: readonly ListenerPlan[]): boolean {
  return a.length === b.length && a.every((plan, i) => plan === b[i])
}
