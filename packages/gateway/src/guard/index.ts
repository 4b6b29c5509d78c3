export { type GuardPorts, GuardRegistry } from './guard-registry.ts'
export { noGuards, type RuleGuards, type SloDirectory, type SloGuard } from './rule-guards.ts'
