import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '@tidemill/core'

/** Where the relay sends what it receives, and how late. */
export interface RelayOptions {
  readonly host: string
  readonly port: number
  /** Round trip that the relay adds, in milliseconds: half of it each way. */
  readonly rttMs: number
  readonly clock: Clock
  /** Bytes under way in one direction of a connection before its source is paused; default 64 MiB. */
  readonly maxBytes?: number
}

export interface Relay {
  readonly port: number
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

// Half-open, because each side's end must arrive as late as its bytes.
const sockets = { noDelay: true, allowHalfOpen: true } as const
const defaultMaxBytes = 64 * 1024 * 1024

/**
 * A TCP relay on loopback that holds every byte back by half a round trip, in order, at any rate: bandwidth stays what it
 * was, so that only flow control feels the distance. What is under way is bounded; beyond the bound the sender is paused,
 * as a full pipe would. Clients must be told its address as they would be told the server's.
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  const open = new Set<Socket>()
  const server: Server = createServer({ ...sockets, pauseOnConnect: true }, (client) => {
    const upstream = connect({ host: options.host, port: options.port, ...sockets })
    const pairs = [
      [client, upstream, delayed(upstream, client, options)],
      [upstream, client, delayed(client, upstream, options)],
    ] as const
    for (const [socket, other, towards] of pairs) {
      open.add(socket)
      // An error comes before 'close', which ends both sides; what failed is seen by the peers themselves.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        towards.stop()
        // After an orderly end what is still held back for the other side must reach it.
        if (!socket.readableEnded) other.destroy()
      })
    }
    client.resume()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of open) socket.destroy()
    }))
  return {
    port: (server.address() as AddressInfo).port,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Carries bytes from one socket to the other, each chunk `rttMs / 2` after it was read. */
function delayed(from: Socket, to: Socket, options: RelayOptions): { stop(): void } {
  const { clock } = options
  const delay = options.rttMs / 2
  const most = options.maxBytes ?? defaultMaxBytes
  const chunks: (Buffer | null)[] = []
  const due: number[] = []
  let head = 0
  let held = 0
  let waiting = false
  let stopped = false
  let timer: { cancel(): void } | undefined

  const release = (): void => {
    waiting = false
    const now = clock.monotonic()
    // Chunks whose time has come leave in one write; a timer is at most a millisecond late and is not repaid.
    while (head < due.length && (due[head] as number) <= now) {
      const chunk = chunks[head] as Buffer | null
      chunks[head] = null
      head++
      if (chunk === null) {
        to.end()
        continue
      }
      held -= chunk.length
      to.write(chunk)
    }
    if (head > 1024 && head * 2 > due.length) {
      chunks.splice(0, head)
      due.splice(0, head)
      head = 0
    }
    if (from.isPaused() && held < most / 2 && to.writableLength < most) from.resume()
    schedule()
  }
  const schedule = (): void => {
    if (waiting || stopped || head >= due.length) return
    waiting = true
    timer = clock.timer((due[head] as number) - clock.monotonic(), release)
  }
  const push = (chunk: Buffer | null): void => {
    chunks.push(chunk)
    due.push(clock.monotonic() + delay)
    if (chunk !== null) held += chunk.length
    if (held + to.writableLength >= most) from.pause()
    schedule()
  }
  from.on('data', push)
  from.on('end', () => push(null))
  to.on('drain', () => {
    if (from.isPaused() && held < most / 2) from.resume()
  })
  return {
    stop() {
      stopped = true
      timer?.cancel()
      chunks.length = 0
      due.length = 0
    },
  }
}
