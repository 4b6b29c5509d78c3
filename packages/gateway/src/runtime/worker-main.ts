/** A worker process of a gateway; started by `openPooledRuntime` and by nobody else. */
import { LeaseClient } from '../limit/index.ts'
import { runWorker } from '../workers/index.ts'
import { coreSnapshot } from './core-figures.ts'
import { GatewayCore } from './gateway-core.ts'
import { Isolations } from './isolations.ts'
import { coreOptions } from './runtime-options.ts'
import { readWorkerArgument } from './worker-options.ts'
import type { WorkerQuestion } from './worker-question.ts'

await runWorker(async (context) => {
  const options = coreOptions(readWorkerArgument(process.argv[2]))
  const core = new GatewayCore({
    ...options,
    sloRole: 'worker',
    binder: context.binder,
    ticketKeys: context.ticketKeys,
    workers: context.workers,
    leases: new LeaseClient(context.leases, { clock: options.clock, workers: context.workers }),
  })
  const isolations = new Isolations(core.breakers)
  return {
    async configure({ changes, revision, snapshot }) {
      await core.apply(changes, revision, snapshot)
      const invalid = core.configuration.status().filter((one) => one.state !== 'active')
      return { invalid: invalid.map((one) => `${one.kind} ${one.key}`) }
    },
    setEndpoints: (endpoints) => core.configuration.setBackends(endpoints),
    setTicketKeys: (keys) => core.listeners.setTicketKeys(keys),
    answer(name, body) {
      const question = { name, body } as WorkerQuestion
      switch (question.name) {
        case 'snapshot':
          return coreSnapshot(core)
        case 'requests':
          return core.log.latest(question.body)
        case 'slo':
          core.slo.apply(question.body)
          return core.slo.take()
        case 'isolate':
          return isolations.set(question.body.route, question.body.upstream, question.body.open)
      }
    },
    drain: (graceMs, timeoutMs) => core.drain(graceMs, timeoutMs),
    close: () => core.close(),
  }
})
