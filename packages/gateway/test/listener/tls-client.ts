import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { createTestAuthority, type TestCertificate } from '../../../../scripts/lib/certificates.ts'

/** Of the servers in these tests. */
export const authority = createTestAuthority()

export const certificate = (...names: string[]): TestCertificate => authority.issue({ names })

export async function secure(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const client = connect({
    host: '127.0.0.1',
    port,
    ca: authority.ca,
    ALPNProtocols: ['http/1.1'],
    ...options,
  })
  await once(client, 'secureConnect')
  return client
}

/** Status and listener of a request over TLS; the certificate's name is checked against `servername`. */
export async function ask(
  port: number,
  options: ConnectionOptions,
  host?: string,
): Promise<string> {
  const client = await secure(port, options)
  client.write(
    `GET / HTTP/1.1\r\nhost: ${host ?? options.servername ?? 'none'}\r\nconnection: close\r\n\r\n`,
  )
  let text = ''
  for await (const chunk of client) text += String(chunk)
  if (text === '') throw new Error('closed without an answer')
  const status = /^HTTP\/1\.1 (\d+)/u.exec(text)?.[1]
  return `${status} ${/x-listener: (\S+)/iu.exec(text)?.[1] ?? ''}`.trim()
}

export const commonName = (client: TLSSocket): string =>
  String(client.getPeerCertificate().subject.CN)
