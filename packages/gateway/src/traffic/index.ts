export { createTraffic, type TrafficContext } from './traffic.ts'
