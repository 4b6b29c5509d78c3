export { sagaContract } from './contract.ts'
export { createCrashPoints, type CrashPoints } from './crash-points.ts'
export {
  type OrderInput,
  orderMigrations,
  orderSaga,
  orderSaga2,
  placeOrder,
  refundSaga,
  work,
} from './order.ts'
export { openRig, type OpenForSagas, type Rig, type Script } from './rig.ts'
