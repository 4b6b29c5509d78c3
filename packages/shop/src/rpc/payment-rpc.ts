import { type Channel, type Handlers, RpcError } from '@tidemill/rpc'
import { PaymentService as PaymentServiceDescriptor } from '../gen/tidemill/shop/v1/payment_pb.ts'
import type { HopLog } from '../hop-log.ts'
import type { PaymentPort } from '../payment/payment-service.ts'
import { answerService, callService } from './rpc-call.ts'
import { stepDestination, stepHandler } from './step-call.ts'

export { PaymentServiceDescriptor }

export function paymentHandlers(payment: PaymentPort): Handlers<typeof PaymentServiceDescriptor> {
  return {
    step: stepHandler(payment.destination),
    payments: ({ orderId }) =>
      answerService(async () => {
        const payments = await payment.payments(orderId)
        return {
          payments: payments.map(({ id, kind, amount, currency, at }) => ({
            id,
            kind,
            amount: BigInt(amount),
            currency,
            at: BigInt(at),
          })),
        }
      }),
  }
}

/** The payment service behind a channel; `from` is who calls. */
export function paymentClient(channel: Channel, hops: HopLog, from: string): PaymentPort {
  const client = channel.client(PaymentServiceDescriptor)
  return {
    destination: stepDestination(hops, 'payment', client.step),
    async payments(orderId) {
      const hop = { from, to: 'payment', call: 'Payments' }
      const { payments } = await callService(hops, hop, {}, (options) =>
        client.payments({ orderId }, options),
      )
      return payments.map(({ id, kind, amount, currency, at }) => {
        if (kind !== 'charge' && kind !== 'refund') {
          throw new RpcError('INTERNAL', `the payment service knows a "${kind}" that we do not`)
        }
        return { id, kind, amount: Number(amount), currency, at: Number(at) }
      })
    },
  }
}
