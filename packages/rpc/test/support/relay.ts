import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A relay between a client and a server that can go silent, as a link that is cut without a word. */
export interface Relay extends AsyncDisposable {
  readonly address: string
  /** Forwards nothing any more, in either direction, and closes nothing. */
  silence(): void
  /** Cuts every connection. */
  cut(): void
  /** The client's side of every connection ends (FIN), the other direction goes on. */
  endRequests(): void
}

export async function openRelay(port: number): Promise<Relay> {
  let silent = false
  const near: Socket[] = []
  const far: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    near.push(client)
    far.push(upstream)
    const join = (from: Socket, to: Socket): void => {
      from.on('data', (chunk: Buffer) => {
        if (!silent && to.writable) to.write(chunk)
      })
      from.on('end', () => {
        if (!silent) to.end()
      })
      from.on('error', () => {})
      from.on('close', () => {
        if (!silent) to.destroy()
      })
    }
    join(client, upstream)
    join(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of [...near, ...far]) socket.destroy()
  }
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence: () => {
      silent = true
    },
    cut,
    endRequests: () => {
      for (const socket of far) socket.end()
    },
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
