import type { VirtualClock } from '@tidemill/core'
import {
  createLimiter,
  LeaseClient,
  type LeaseClientOptions,
  LeaseCoordinator,
  type LeaseMessage,
  type LeasePort,
  type Limiter,
  type LimitSpec,
} from '../../src/limit/index.ts'

/** A worker of a simulated node. */
export interface SimulatedWorker {
  readonly client: LeaseClient
  readonly limiter: Limiter
  /** The worker is dead: its channel says nothing any more, and the coordinator has noticed. */
  kill(): void
  /** Messages are lost without a word while it is cut off. */
  cut: boolean
}

/** A node of workers and a coordinator whose messages take that long, as plain data. */
export function simulateNode(
  clock: VirtualClock,
  workers: number,
  spec: LimitSpec,
  options: LeaseClientOptions & { readonly latencyMs?: number } = {},
): { readonly workers: SimulatedWorker[]; readonly messages: () => number } {
  const coordinator = new LeaseCoordinator({ clock })
  let messages = 0
  const made = Array.from({ length: workers }, () => {
    const heard: { worker?: (message: unknown) => void; primary?: (message: unknown) => void } = {}
    const worker = { cut: false } as { -readonly [K in keyof SimulatedWorker]: SimulatedWorker[K] }
    const port = (mine: 'worker' | 'primary', other: 'worker' | 'primary'): LeasePort => ({
      send(message: LeaseMessage) {
        messages++
        const copy: unknown = JSON.parse(JSON.stringify(message))
        clock.timer(options.latencyMs ?? 1, () => {
          if (!worker.cut) heard[other]?.(copy)
        })
      },
      onMessage(listener) {
        heard[mine] = listener
      },
    })
    const detach = coordinator.attach(port('primary', 'worker'))
    worker.client = new LeaseClient(port('worker', 'primary'), { clock, ...options })
    worker.limiter = createLimiter(spec, { clock, leases: worker.client })
    worker.kill = () => {
      worker.cut = true
      detach()
    }
    return worker
  })
  return { workers: made, messages: () => messages }
}
