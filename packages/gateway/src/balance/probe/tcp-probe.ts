import { connect, type Socket } from 'node:net'
import type { Probe, ProbeFactory } from '../health-checker.ts'
import type { Host } from '../host.ts'

/** Passes when a connection can be made; it is closed at once. */
export function tcpProbe(): ProbeFactory {
  return (host) => new TcpProbe(host)
}

class TcpProbe implements Probe {
  readonly #host: Host
  #socket: Socket | undefined = undefined

  constructor(host: Host) {
    this.#host = host
  }

  check(done: (failure: string | undefined) => void): void {
    const socket = connect({ host: this.#host.address, port: this.#host.port })
    this.#socket = socket
    const end = (failure: string | undefined): void => {
      if (this.#socket !== socket) return
      this.cancel()
      done(failure)
    }
    socket.on('connect', () => end(undefined))
    // Stays for good: a socket that is given up may still report an error.
    socket.on('error', (error) => end(`no connection: ${error.message}`))
  }

  cancel(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  close(): void {
    this.cancel()
  }
}
