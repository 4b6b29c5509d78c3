export { type ConnectionFacts, type ListenerResolver } from './connection-facts.ts'
export {
  createDataPlane,
  type DataPlane,
  type DataPlaneOptions,
  type PlaneCounts,
} from './data-plane.ts'
export type {
  DirectAnswer,
  ExchangeFacts,
  Forwarding,
  Mirror,
  Passage,
  RefusedHead,
  Traffic,
} from './passage.ts'
export type { RequestView } from './request-view.ts'
