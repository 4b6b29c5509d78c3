export type {
  ConfigurationAnswer,
  ConfigurationBatch,
  Endpoints,
  SocketAnswer,
  SocketWish,
} from './protocol.ts'
export {
  createWorkerPool,
  type WorkerAnswer,
  type WorkerPool,
  type WorkerPoolOptions,
  type WorkerStatus,
} from './worker-pool.ts'
export {
  type CreateWorkerPart,
  runWorker,
  type WorkerContext,
  type WorkerPart,
} from './worker-runtime.ts'
