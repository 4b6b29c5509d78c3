export { checkHealth, watchHealth } from './health-client.ts'
export { addHealth } from './health-server.ts'
export { Health, type HealthStatus } from './health.ts'
