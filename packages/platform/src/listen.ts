import type { Server } from 'node:net'
import { platformErrors } from './errors.ts'

/** Binds and resolves with the port; TM_PLATFORM_PORT_BUSY says which flag moves it. */
export function listen(server: Server, host: string, port: number, what: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' || error.code === 'EACCES'
          ? platformErrors.error(
              'TM_PLATFORM_PORT_BUSY',
              { host, port, what, next: port + 10 },
              { cause: error },
            )
          : error,
      )
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
