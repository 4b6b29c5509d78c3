import type { Channel, Handlers } from '@tidemill/rpc'
import type { CatalogueService } from '../catalogue/catalogue-service.ts'
import { CatalogueService as CatalogueServiceDescriptor } from '../gen/tidemill/shop/v1/catalogue_pb.ts'
import type { HopLog } from '../hop-log.ts'
import type { CallScope } from './call-scope.ts'
import { answerService, callService } from './rpc-call.ts'

export { CatalogueServiceDescriptor }

/** What the order service asks of the catalogue. */
export interface CataloguePort {
  /** Those of the codes that the catalogue does not have. */
  unknown(skus: Iterable<string>, scope: CallScope): Promise<readonly string[]>
}

export function catalogueHandlers(
  catalogue: CatalogueService,
): Handlers<typeof CatalogueServiceDescriptor> {
  return {
    unknown: ({ skus }) =>
      answerService(async () => ({ skus: [...(await catalogue.unknown(skus))] })),
  }
}

/** The catalogue behind a channel; `from` is who calls. */
export function catalogueClient(channel: Channel, hops: HopLog, from: string): CataloguePort {
  const client = channel.client(CatalogueServiceDescriptor)
  return {
    async unknown(skus, scope) {
      const request = { skus: [...new Set(skus)] }
      const hop = { from, to: 'catalogue', call: 'Unknown' }
      const answer = await callService(hops, hop, scope, (options) =>
        client.unknown(request, options),
      )
      return answer.skus
    },
  }
}
