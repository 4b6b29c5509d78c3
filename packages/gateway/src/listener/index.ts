export type { Binder, BoundSocket } from './binder.ts'
export { ListenerSet, type ListenerSetCounts, type ListenerSetOptions } from './listener-set.ts'
export {
  defaultListenerSettings,
  type ListenerPlan,
  type ListenerSettings,
  type SocketPlan,
  type StreamPlan,
  type TlsPlan,
} from './listener-plan.ts'
export { localBinder } from './local-binder.ts'
export type { SocketState } from './open-socket.ts'
export type { PeerIdentity } from './peer-identity.ts'
