import { RpcError, type ServerContext } from '@tidemill/rpc'
import type { Destination, StepRequest } from '@tidemill/saga'
import type {
  StepAnswer as StepAnswerMessage,
  StepRequest as StepRequestMessage,
} from '../gen/tidemill/shop/v1/step_pb.ts'
import type { CallOptions } from '@tidemill/rpc'
import type { HopLog } from '../hop-log.ts'
import { answerService, callService } from './rpc-call.ts'
import { answerMessage, stepAnswer, stepMessage, stepRequest } from './step-message.ts'

/** A destination of a saga in another service. A lost answer rejects: the step's outcome is unknown, it is sent again. */
export function stepDestination(
  hops: HopLog,
  to: string,
  step: (request: StepRequestMessage, options: CallOptions) => Promise<StepAnswerMessage>,
): Destination {
  return async (request, { signal, timeoutMs }) => {
    const scope = { key: orderOf(request), timeoutMs, signal }
    const hop = { from: 'saga', to, call: callOf(request) }
    const message = await callService(hops, hop, scope, (options) =>
      step(stepMessage(request), options),
    )
    const answer = stepAnswer(message)
    if (answer === undefined) {
      throw new RpcError('INTERNAL', `the ${to} service answered outcome ${message.outcome}`, {
        outcome: 'unknown',
      })
    }
    return answer
  }
}

/** The other end: does the step within what is left of the call's time. */
export function stepHandler(
  destination: Destination,
): (message: StepRequestMessage, ctx: ServerContext) => Promise<StepAnswerMessage> {
  return (message, ctx) =>
    answerService(async () => {
      const request = stepRequest(message)
      if (request === undefined) {
        throw new RpcError('INVALID_ARGUMENT', `the step has no known direction`)
      }
      const context = { signal: ctx.signal, timeoutMs: ctx.timeLeftMs }
      return answerMessage(await destination(request, context))
    })
}

/** How a step is called in the list of hops. */
export function callOf({ step, direction }: StepRequest): string {
  return direction === 'action' ? step : `undo ${step}`
}

/** Both sagas say in their payload which order they are about. */
export function orderOf({ payload }: StepRequest): string | undefined {
  const id =
    typeof payload === 'object' && payload !== null && 'orderId' in payload
      ? payload['orderId']
      : undefined
  return typeof id === 'string' ? id : undefined
}
