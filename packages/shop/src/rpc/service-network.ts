import { type Closable, createCloseStack, type Logger } from '@tidemill/core'
import { type Channel, createChannel, createServer, type Server } from '@tidemill/rpc'
import type { CatalogueService } from '../catalogue/catalogue-service.ts'
import type { HopLog } from '../hop-log.ts'
import type { PaymentPort, PaymentService } from '../payment/payment-service.ts'
import type { StockPort, StockService } from '../stock/stock-service.ts'
import {
  catalogueClient,
  catalogueHandlers,
  type CataloguePort,
  CatalogueServiceDescriptor,
} from './catalogue-rpc.ts'
import { paymentClient, paymentHandlers, PaymentServiceDescriptor } from './payment-rpc.ts'
import { stockClient, stockHandlers, StockServiceDescriptor } from './stock-rpc.ts'

/**
 * The services' servers, each on a loopback port of its own, and the channels between them. A service is served before
 * anybody asks for its client; the network keeps time by the machine's clock, as its sockets do.
 */
export interface ServiceNetwork extends Closable {
  serveStock(stock: StockService): Promise<void>
  servePayment(payment: PaymentService): Promise<void>
  serveCatalogue(catalogue: CatalogueService): Promise<void>
  /** The stock service as `from` sees it. */
  stock(from: string): StockPort
  payment(from: string): PaymentPort
  catalogue(from: string): CataloguePort
}

/** How long closing waits for calls under way. */
const drainGrace = '5s'

export function createServiceNetwork(hops: HopLog, logger: Logger): ServiceNetwork {
  const stack = createCloseStack()
  const targets = new Map<string, string>()
  const channels = new Map<string, Channel>()

  const serve = async (name: string, add: (server: Server) => void): Promise<void> => {
    const server = createServer({ logger })
    stack.defer(() => server.drain({ grace: drainGrace }))
    add(server)
    targets.set(name, (await server.listen('127.0.0.1:0')).target)
  }
  /** One channel for each pair: services share nothing but the network. */
  const channel = (from: string, to: string): Channel => {
    const key = `${from} ${to}`
    const known = channels.get(key)
    if (known !== undefined) return known
    const made = stack.add(createChannel(targets.get(to) ?? '', {}))
    channels.set(key, made)
    return made
  }

  const network: ServiceNetwork = {
    serveStock: (stock) =>
      serve('stock', (server) => server.add(StockServiceDescriptor, stockHandlers(stock))),
    servePayment: (payment) =>
      serve('payment', (server) => server.add(PaymentServiceDescriptor, paymentHandlers(payment))),
    serveCatalogue: (catalogue) =>
      serve('catalogue', (server) =>
        server.add(CatalogueServiceDescriptor, catalogueHandlers(catalogue)),
      ),
    stock: (from) => stockClient(channel(from, 'stock'), hops, from),
    payment: (from) => paymentClient(channel(from, 'payment'), hops, from),
    catalogue: (from) => catalogueClient(channel(from, 'catalogue'), hops, from),
    close: () => stack.close(),
    [Symbol.asyncDispose]: () => network.close(),
  }
  return network
}
