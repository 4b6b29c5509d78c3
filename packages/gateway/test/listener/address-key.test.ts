import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressKey } from '../../src/listener/address-key.ts'
import { ConnectionCounter } from '../../src/listener/connection-counter.ts'

describe('addressKey', () => {
  it('keeps IPv4 and takes it out of IPv6', () => {
    assert.equal(addressKey('10.1.2.3'), '10.1.2.3')
    assert.equal(addressKey('::ffff:10.1.2.3'), '10.1.2.3')
  })

  it('cuts IPv6 to its first 64 bits however it is written', () => {
    const key = '2001:db8:0:1::/64'
    for (const address of ['2001:db8:0:1::5', '2001:DB8:0:1:ffff:1:2:3', '2001:0db8:0000:0001::'])
      assert.equal(addressKey(address), key, address)
    assert.equal(addressKey('2001:db8::1'), '2001:db8:0:0::/64')
    assert.equal(addressKey('::1'), '0:0:0:0::/64')
    assert.equal(addressKey('fe80::1%eth0'), 'fe80:0:0:0::/64')
    assert.equal(addressKey('1::2:3:4:5:6'), '1:0:0:2::/64')
  })
})

describe('ConnectionCounter', () => {
  it('refuses beyond the limit of an address and of all, and forgets who has left', () => {
    const counter = new ConnectionCounter()
    const first = counter.enter('2001:db8::1', 3, 2)
    const second = counter.enter('2001:db8::2', 3, 2)
    assert.ok(first !== undefined && second !== undefined)
    assert.equal(counter.enter('2001:db8::3', 3, 2), undefined)
    assert.ok(counter.enter('10.0.0.1', 3, 2) !== undefined)
    assert.equal(counter.enter('10.0.0.2', 3, 2), undefined)
    counter.leave(first)
    assert.ok(counter.enter('2001:db8::4', 3, 2) !== undefined)
    assert.deepEqual([counter.open, counter.accepted, counter.refused], [3, 4, 2])
  })
})
