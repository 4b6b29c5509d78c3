import type { SagaDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { CommandModule } from '../command.ts'
import { exitCode } from '../exit-code.ts'

/** `saga retry` and `saga compensate`: one operator action on one saga. */
export function sagaAct(action: 'retry' | 'compensate'): CommandModule {
  return {
    async execute(invocation) {
      const { out, args, flags } = invocation
      const client = adminClient(invocation)
      const path = `/api/v1/sagas/${encodeURIComponent(args['ID'] ?? '')}`
      const before = await client.get<SagaDocument>(path)
      if (flags.boolean('dry-run')) {
        if (out.json) out.document(`tidemill.saga-${action}.v1`, { dryRun: true, saga: before })
        else out.line(`would ${action} saga ${before.id}, which is ${before.state}`)
        return exitCode.ok
      }
      const after = await client.send<SagaDocument>('POST', `${path}/${action}`)
      if (out.json) out.document(`tidemill.saga-${action}.v1`, { dryRun: false, saga: after })
      else out.line(`saga ${after.id}: ${before.state} -> ${after.state}`)
      return exitCode.ok
    },
  }
}
