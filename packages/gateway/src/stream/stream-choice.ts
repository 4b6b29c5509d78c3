import type { StreamPlan } from '../listener/listener-plan.ts'
import { NameTable } from '../listener/name-table.ts'
import type { Cluster } from '../upstream/cluster.ts'

/** The backend whose turn it is by smooth weighted round robin; undefined when none has a weight. */
export function nextBackend(plan: StreamPlan): Cluster | undefined {
  if (plan.totalWeight <= 0) return undefined
  let best: StreamPlan['backends'][number] | undefined
  for (const backend of plan.backends) {
    if (backend.weight <= 0) continue
    backend.credit += backend.weight
    if (best === undefined || backend.credit > best.credit) best = backend
  }
  if (best === undefined) return undefined
  best.credit -= plan.totalWeight
  return best.cluster
}

const tables = new WeakMap<readonly StreamPlan[], NameTable<StreamPlan>>()

/** The route with the most specific hostname that takes the server name. */
export function streamFor(
  streams: readonly StreamPlan[],
  serverName: string,
): StreamPlan | undefined {
  const [first] = streams
  if (first === undefined || (streams.length === 1 && first.hostnames.length === 0)) return first
  let table = tables.get(streams)
  if (table === undefined) {
    table = new NameTable()
    for (const stream of streams) {
      if (stream.hostnames.length === 0) table.add('', stream)
      for (const hostname of stream.hostnames) table.add(hostname, stream)
    }
    tables.set(streams, table)
  }
  return table.find(serverName)
}
