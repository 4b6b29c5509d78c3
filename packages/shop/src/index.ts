export type { Item } from './catalogue/catalogue-service.ts'
export { type DemoOptions, type DemoReport, runDemo } from './demo/demo.ts'
export {
  type DemoItem,
  itemsSold,
  registerItems,
  replay,
  type ReplayOptions,
  type ReplayProgress,
  type ReplayResult,
} from './demo/replay.ts'
export type { OpenDatabase } from './databases.ts'
export type { EdgeCounters } from './edge-meter.ts'
export { type ShopErrorCode, shopErrors } from './errors.ts'
export type {
  FollowedOrder,
  FollowedSaga,
  TimelineEntry,
  TimelineSystem,
} from './followed-order.ts'
export type { Hop } from './hop-log.ts'
export type { Invariant } from './invariants.ts'
export { formatHundredths, isCurrency, type Minor, parseHundredths } from './money.ts'
export { openApiDocument } from './http/openapi.ts'
export {
  allocate,
  type Allocation,
  type OrderLine,
  type OrderRequest,
  type OrderState,
  type Units,
} from './order/order.ts'
export type { OrderView } from './order/order-view.ts'
export type { Payment } from './payment/payment-service.ts'
export {
  type Bill,
  billHeader,
  openProvider,
  type Provider,
  type ProviderOptions,
} from './provider/provider.ts'
export type { ProviderEntry, ProviderRequest } from './provider/provider-program.ts'
export { providerMigrations } from './provider/provider-schema.ts'
export type { ServiceContext } from './service-context.ts'
export {
  columnOfField,
  createCsvParser,
  type CsvFault,
  type CsvParser,
  type CsvRecord,
  longestRecord,
} from './retail/csv.ts'
export { groupingWindow } from './retail/invoice.ts'
export {
  createReplayPlanner,
  type PlannedCancellation,
  type PlannedLine,
  type PlannedOrder,
  type ReasonCounts,
  type ReplayItem,
  type ReplayPlanner,
  type ReplayPlannerOptions,
  type ReplayTally,
} from './retail/plan.ts'
export { readRetailFile, type ReadRetailOptions, type ReplayPlan } from './retail/reader.ts'
export { formatRetailRow, parseRetailRow, type RetailRow, type RowResult } from './retail/row.ts'
export {
  codeReason,
  type InvoiceKind,
  lineRules,
  orderLimits,
  rowReason,
  type SkipReason,
} from './retail/rules.ts'
export {
  planSynthetic,
  syntheticCsv,
  syntheticCatalogue,
  syntheticItemsToSend,
  type SyntheticOptions,
} from './retail/synthetic.ts'
export { type RouteObject, shopRoutes } from './routes.ts'
export {
  type LatestOrder,
  openShop,
  type OrderCounts,
  type OrderOutcome,
  type Shop,
  type ShopOptions,
  type ShopStatus,
} from './shop.ts'
export type { StockMove } from './stock/stock-service.ts'
