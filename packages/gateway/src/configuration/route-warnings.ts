import type { Problem } from '@tidemill/core'
import type { RoutePolicy } from '../policy/index.ts'
import { backendFaults } from './backend-faults.ts'
import type { Configuration } from './configuration.ts'
import type { RouteState } from './route-registry.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'

/** What works otherwise than a route says, as things stand. */
export function routeWarnings(
  configuration: Configuration,
  state: RouteState | undefined,
): Problem[] {
  if (state === undefined) return []
  const { store, backends } = configuration
  const faults = backendFaults(state.object, store, backends).map(({ path, message }) => ({
    path,
    message,
  }))
  const known = new Set(faults.map((fault) => fault.path))
  const planned = state.plans.flatMap((plan) =>
    plan.warnings.filter(({ path }) => !known.has(path)),
  )
  return [...planned, ...faults]
}

/** Targets of a RoutePolicy that do not exist. */
export function policyWarnings(store: ObjectStore, stored: StoredObject): Problem[] {
  const policy = stored.object as RoutePolicy | undefined
  const namespace = policy?.metadata.namespace ?? 'default'
  return (policy?.spec.targetRefs ?? []).flatMap((ref, i): Problem[] => {
    const path = `/spec/targetRefs/${i}`
    const key = `${namespace}/${ref.name}`
    const route = store.get(ref.kind, key)
    if (route === undefined) {
      const what = ref.kind === 'HTTPRoute' ? 'route' : ref.kind
      return [{ path, message: `there is no ${what} ${key}` }]
    }
    const { sectionName } = ref
    if (sectionName === undefined || route.spec.rules?.some((rule) => rule.name === sectionName)) {
      return []
    }
    const message = `the route ${key} has no rule named ${sectionName}`
    return [{ path: `${path}/sectionName`, message }]
  })
}
