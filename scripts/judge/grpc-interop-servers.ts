import path from 'node:path'
import { binaries } from '../engines/require.ts'
import { freePort } from '../engines/start.ts'
import { serve, type Serving } from '../lib/child.ts'
import { pythonEnvironment } from './grpc-interop-clients.ts'

const root = path.join(import.meta.dirname, '..', '..')

/** Starts the server on a free port. */
export type StartServer = (tls: boolean) => Promise<Serving>

/** It has no flag for the host and listens on all. */
export const goServer: StartServer = async (tls) => {
  const port = await freePort()
  const { 'interop-server': file = '', 'server1.pem': cert, 'server1.key': key } = binaries('grpc')
  const secure = ['--use_tls', `--tls_cert_file=${cert}`, `--tls_key_file=${key}`]
  return serve(file, [`--port=${port}`, ...(tls ? secure : [])], port)
}

export const pythonServer: StartServer = async (tls) => {
  const port = await freePort()
  const { 'server1.pem': cert = '', 'server1.key': key = '' } = binaries('grpc')
  const script = path.join(root, 'tests', 'interop', 'python', 'server.py')
  const args = [script, '--port', `${port}`, ...(tls ? ['--cert', cert, '--key', key] : [])]
  return serve('python3', args, port, { env: pythonEnvironment() })
}

/** Our server on one of its transports, or grpc-js with the same service. */
export function nodeServer(transport: 'ours' | 'node' | 'grpc-js'): StartServer {
  return async (tls) => {
    const port = await freePort()
    const script = path.join(root, 'tests', 'interop', 'server.ts')
    const args = [...process.execArgv, script, '--port', `${port}`, '--transport', transport]
    return serve(process.execPath, tls ? [...args, '--tls'] : args, port)
  }
}
