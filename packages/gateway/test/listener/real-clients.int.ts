import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import { listener, openStand, type Stand, socket, terminate } from './plans.ts'

function present(program: string, flag: string): { readonly skip: string | false } {
  const { status } = spawnSync(program, [flag])
  return { skip: status === 0 ? false : `${program} is not installed` }
}

/** What a program prints, its errors included. */
function output(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: 10_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

const request = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'

describe('clients of others', () => {
  const authority = createTestAuthority()
  const clients = createTestAuthority()
  let folder = ''
  let stand: Stand
  let port = 0
  const file = (name: string): string => join(folder, name)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemill-tls-'))
    const client = clients.issue({ names: ['alice'], client: true })
    for (const [name, text] of [
      ['ca.pem', authority.ca],
      ['client.pem', client.cert],
      ['client.key', client.key],
    ] as const)
      await writeFile(file(name), text)
    stand = openStand()
    const ports = await stand.apply(
      socket('a', [
        listener({
          name: 'a',
          protocol: 'HTTPS',
          hostname: 'a.test',
          tls: terminate([
            authority.issue({ names: ['a.test'] }),
            authority.issue({ names: ['a.test'], keys: 'rsa' }),
          ]),
        }),
        listener({
          name: 'closed',
          protocol: 'HTTPS',
          hostname: 'closed.test',
          tls: terminate([authority.issue({ names: ['closed.test'] })], {
            ca: [clients.ca],
            mode: 'AllowValidOnly',
          }),
        }),
      ]),
    )
    port = ports[0] ?? 0
  })
  after(async () => {
    await stand[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const openssl = (args: readonly string[]): Promise<string> =>
    output(
      'openssl',
      // -ign_eof: the answer is waited for.
      ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', file('ca.pem'), '-ign_eof', ...args],
      request,
    )

  describe('openssl s_client', present('openssl', 'version'), () => {
    for (const version of ['-tls1_2', '-tls1_3'])
      it(`gets the certificate of the name and an answer (${version})`, async () => {
        const text = await openssl(['-servername', 'a.test', version, '-alpn', 'http/1.1'])
        assert.match(text, /subject=CN ?= ?a\.test/u)
        assert.match(text, /ALPN protocol: http\/1\.1/u)
        assert.match(text, /Verify return code: 0 \(ok\)/u)
        assert.match(text, /HTTP\/1\.1 200 OK/u)
        assert.match(text, /x-listener: a/u)
      })

    it('gets the RSA certificate when it knows no other kind', async () => {
      const cipher = 'ECDHE-RSA-AES128-GCM-SHA256'
      const text = await openssl(['-servername', 'a.test', '-tls1_2', '-cipher', cipher])
      assert.match(text, /Peer signature type: RSA/u)
      assert.match(text, /HTTP\/1\.1 200 OK/u)
    })

    it('hears that no listener has the name', async () => {
      assert.match(await openssl(['-servername', 'b.test']), /unrecognized name/u)
      assert.match(await openssl(['-noservername']), /unrecognized name/u)
    })

    it('is let in with a certificate of the right authority, and not without', async () => {
      const credentials = ['-cert', file('client.pem'), '-key', file('client.key')]
      const name = ['-servername', 'closed.test']
      assert.match(await openssl([...name, ...credentials]), /HTTP\/1\.1 421/u)
      const refused = await openssl(name)
      assert.match(refused, /certificate required|handshake failure/u)
      assert.doesNotMatch(refused, /HTTP\/1\.1/u)
    })

    it('is refused with what is older than TLS 1.2', async () => {
      const text = await openssl(['-servername', 'a.test', '-tls1_1', '-cipher', 'ALL@SECLEVEL=0'])
      assert.match(text, /protocol version|no protocols available/u)
    })
  })

  it('curl asks by name', present('curl', '--version'), async () => {
    const resolve = ['--resolve', `a.test:${port}:127.0.0.1`]
    const options = ['-sS', '-i', '--http1.1', '--cacert', file('ca.pem'), ...resolve]
    const text = await output('curl', [...options, `https://a.test:${port}/`])
    assert.match(text, /HTTP\/1\.1 200 OK[^]*x-listener: a[^]*done$/u)
  })
})
