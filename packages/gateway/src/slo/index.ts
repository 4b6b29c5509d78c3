export { AlertIntake, type AlertIntakeOptions, type IntakeReport } from './alert-intake.ts'
export { type FetchJson, pollAlerts } from './alert-poll.ts'
export type { SloState } from './route-guard.ts'
export type { SloEvent } from './slo-audit.ts'
export {
  evaluationMs,
  type SloCounts,
  type SloDecision,
  SloEngine,
  type SloEngineOptions,
  type SloSettings,
  type SloStatus,
} from './slo-engine.ts'
export { SloObjective, type TierState } from './slo-objective.ts'
export { type PolicyObject, policyRules } from './policy-rules.ts'
export type { SloDemand } from './slo-route.ts'
export { sloRules, type SloRulesOptions } from './slo-rules.ts'
export {
  readSloSpec,
  type SloAction,
  type SloActionKind,
  type SloActionSpec,
  type SloConfig,
  type SloSpec,
  type SloTier,
  type SloTierName,
  sloTiers,
} from './slo-spec.ts'
