export type {
  GatewayRuntime,
  ListeningSocket,
  RuntimeSnapshot,
  WorkerFigures,
} from './gateway-runtime.ts'
export type { ListenRule } from './listen-rule.ts'
export { openLocalRuntime } from './local-runtime.ts'
export { listedConfiguration, openPooledRuntime } from './pooled-runtime.ts'
export type { RuntimeOptions } from './runtime-options.ts'
