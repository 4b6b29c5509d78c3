import {
  pickBackend,
  pickBackendByHash,
  type RulePlan,
  type WeightedBackend,
} from '../rule-plan.ts'

/** The backend for a request; `hash` is -1 for those that may go anywhere by weight. The plan has a weight above 0. */
export function chooseBackend(plan: RulePlan, hash: number): WeightedBackend {
  return hash < 0 || plan.backends.length === 1 ? pickBackend(plan) : pickBackendByHash(plan, hash)
}
