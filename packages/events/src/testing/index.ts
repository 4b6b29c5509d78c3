export { eventStoreContract, type OpenedStore } from './contract.ts'
export { type Given, specification, type When } from './specification.ts'
