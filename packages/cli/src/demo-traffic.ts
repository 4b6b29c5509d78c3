import { realClock } from '@tidemill/core'
import {
  registerItems,
  replay,
  type ReplayItem,
  syntheticCatalogue,
  syntheticItemsToSend,
} from '@tidemill/shop'
import type { ShopPlatform } from './shop-platform.ts'

export interface DemoTraffic {
  /** Stops sending and resolves when what was sent is answered. */
  stop(): Promise<void>
}

const unitsOfEach = 1_000_000

/** Keeps generated orders coming through the gateway until it is stopped; `onFailure` hears why they ended before. */
export function startDemoTraffic(
  running: ShopPlatform,
  rate: number,
  seed: number,
  onFailure: (error: unknown) => void,
): DemoTraffic {
  const controller = new AbortController()
  const baseUrl = running.platform.gatewayUrl
  const send = async (): Promise<void> => {
    await registerItems(baseUrl, syntheticCatalogue(unitsOfEach), {})
    // Invoice numbers start where no earlier run on the same data can have been.
    const firstInvoice = Math.floor(realClock.now() / 100)
    const items = placedNow(syntheticItemsToSend({ seed, firstInvoice }))
    await replay({ baseUrl, items, rate, concurrency: 16, signal: controller.signal })
  }
  const sending = send().catch((error: unknown) => {
    if (!controller.signal.aborted) onFailure(error)
  })
  return {
    async stop() {
      controller.abort()
      await sending
    },
  }
}

/** Live traffic is placed when it is sent, not when the generator's calendar says. */
function* placedNow(items: Iterable<ReplayItem>): Generator<ReplayItem> {
  for (const item of items) {
    const placedAt = new Date(realClock.now()).toISOString()
    if (item.kind === 'order') yield { ...item, order: { ...item.order, placedAt } }
    else yield { ...item, cancellation: { ...item.cancellation, placedAt } }
  }
}
