export { type PlatformErrorCode, platformErrors } from './errors.ts'
export type { Overview, OverviewEdge } from './overview.ts'
export { type Platform, type PlatformOptions, startPlatform } from './platform.ts'
export type {
  Exposure,
  FollowedOrder,
  Invariant,
  NodeKind,
  OrderLine,
  OrderTotals,
  Picture,
  PictureEdge,
  PictureNode,
  PlatformContext,
  RunningSystem,
  SystemModule,
  TimelineEntry,
} from './system.ts'
