import assert from 'node:assert/strict'
import { it } from 'node:test'
import { plainAddress, TrustedProxies } from '../../src/dataplane/client-address.ts'
import { defaultListenerSettings } from '../../src/listener/listener-plan.ts'

function proxies(trustedHops: number, trustedNetworks: readonly string[] = []): TrustedProxies {
  return new TrustedProxies({ ...defaultListenerSettings, trustedHops, trustedNetworks })
}

const rows: readonly (readonly [TrustedProxies, string, string, string])[] = [
  // Nobody is trusted: whatever the field says is the client's invention.
  [proxies(0), '9.9.9.9', '1.1.1.1', '9.9.9.9'],
  [proxies(1), '9.9.9.9', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
  [proxies(2), '9.9.9.9', '6.6.6.6, 1.1.1.1, 8.8.8.8', '1.1.1.1'],
  [proxies(2), '9.9.9.9', '1.1.1.1', '1.1.1.1'],
  [proxies(1), '9.9.9.9', '', '9.9.9.9'],
  [proxies(1), '9.9.9.9', 'unknown', '9.9.9.9'],
  [proxies(1), '9.9.9.9', '6.6.6.6,', '9.9.9.9'],
  [proxies(1), '9.9.9.9', '1.1.1.1:4711', '1.1.1.1'],
  [proxies(1), '9.9.9.9', '[2001:db8::1]:4711', '2001:db8::1'],
  [proxies(1), '9.9.9.9', '2001:db8::1', '2001:db8::1'],
  [proxies(0, ['10.0.0.0/8']), '10.1.1.1', '6.6.6.6, 1.1.1.1, 10.2.2.2', '1.1.1.1'],
  [proxies(0, ['10.0.0.0/8']), '9.9.9.9', '1.1.1.1', '9.9.9.9'],
  [proxies(0, ['10.0.0.0/8']), '10.1.1.1', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
  [proxies(0, ['fd00::/8', '127.0.0.1']), 'fd00::1', '1.1.1.1, 127.0.0.1', '1.1.1.1'],
]

for (const [trusted, peer, field, client] of rows) {
  it(`takes ${client} for the client of ${peer} with "${field}"`, () => {
    assert.equal(trusted.client(peer, field), client)
  })
}

it('shows IPv4 on a dual-stack socket as IPv4', () => {
  assert.equal(plainAddress('::ffff:1.2.3.4'), '1.2.3.4')
  assert.equal(plainAddress('::1'), '::1')
})
