import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { IpMatcher, parseIp, parseNetwork } from '../../src/auth/index.ts'

function networks(...texts: readonly string[]): IpMatcher {
  return new IpMatcher(
    texts.map((text) => {
      const parsed = parseNetwork(text)
      assert.ok(typeof parsed !== 'string', `${text}: ${JSON.stringify(parsed)}`)
      return parsed
    }),
  )
}

const words = new Uint32Array(4)
const octet = fc.oneof(fc.constantFrom(0, 1, 10, 127, 128, 254, 255), fc.nat(255))
const ipv4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'))
// Few values, so that addresses fall into networks.
const group = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('0', '1', 'ffff', '2001', 'db8') },
  fc.nat(0xffff).map((n) => n.toString(16)),
)
const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((parts) => parts.join(':'))

/** The network of an address, host bits cleared, by BigInt. */
function network(address: string, bits: number): string {
  const four = !address.includes(':')
  const width = four ? 32n : 128n
  const parts = address.split(four ? '.' : ':')
  const size = four ? 8n : 16n
  let value = parts.reduce(
    (sum, part) => (sum << size) | BigInt(four ? Number(part) : Number.parseInt(part, 16)),
    0n,
  )
  value = (value >> (width - BigInt(bits))) << (width - BigInt(bits))
  const mask = (1n << size) - 1n
  const out = parts.map((_, i) => (value >> (size * BigInt(parts.length - 1 - i))) & mask)
  return `${out.map((n) => n.toString(four ? 10 : 16)).join(four ? '.' : ':')}/${bits}`
}

describe('networks', () => {
  it('hold the same addresses as those of a naive list', () => {
    const four = fc.tuple(ipv4, fc.nat(32)).map(([address, bits]) => network(address, bits))
    const six = fc.tuple(ipv6, fc.nat(128)).map(([address, bits]) => network(address, bits))
    fc.assert(
      fc.property(
        fc.array(four),
        fc.array(six),
        fc.array(ipv4),
        fc.array(ipv6),
        (fours, sixes, a, b) => {
          const mapped = sixes.filter((text) => parseNetwork(text) instanceof Object)
          const matcher = networks(...fours, ...mapped)
          const lists = [...fours, ...mapped].map((text) => {
            const [address = '', bits] = text.split('/')
            const list = new BlockList()
            list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
            return { list, six: address.includes(':') && parseIp(address, words) === 6 }
          })
          const edges = [...fours, ...mapped].map((text) => text.split('/')[0] as string)
          for (const address of [...a, ...b, ...edges]) {
            const family = parseIp(address, words)
            const naive = lists.some(
              ({ list, six: ofSix }) =>
                ofSix === (family === 6) &&
                list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6'),
            )
            assert.equal(matcher.has(address), naive, address)
          }
        },
      ),
    )
  })

  it('find IPv4 addresses in their mapped form', () => {
    const matcher = networks('10.0.0.0/8', '::ffff:192.168.0.0/112', '2001:db8::/32')
    for (const address of [
      '10.1.2.3',
      '::ffff:10.1.2.3',
      '::FFFF:0a01:0203',
      '192.168.9.9',
      '2001:db8::9%eth0',
    ]) {
      assert.ok(matcher.has(address), address)
    }
    for (const address of ['11.0.0.0', '::10.1.2.3', '::ffff:11.0.0.0', '2001:db9::', '']) {
      assert.ok(!matcher.has(address), address)
    }
    assert.ok(!networks('::/0').has('10.0.0.1'))
    assert.ok(networks('::/0').has('::'))
    assert.ok(networks('0.0.0.0/0').has('255.255.255.255'))
  })

  it('are refused when they are not exactly one', () => {
    for (const text of [
      '',
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/08',
      '10.0.0.1/8',
      '::1/129',
      'fe80::1%eth0',
      '::ffff:10.0.0.0/8',
      '10.0.0.0/8/8',
      'x',
      '::/-1',
    ]) {
      assert.equal(typeof parseNetwork(text), 'string', text)
    }
  })

  it('read addresses as node:net does', () => {
    const character = fc.constantFrom(...'0123456789abcf:.%g '.split(''))
    const near = fc.oneof(
      fc.string({ unit: character, maxLength: 20 }),
      fc
        .tuple(fc.oneof(ipv4, ipv6, fc.ipV6(), fc.ipV4()), fc.nat(40), character)
        .map(([text, at, one]) => text.slice(0, at) + one + text.slice(at + 1)),
      fc.ipV6(),
    )
    fc.assert(
      fc.property(near, (text) => {
        if (text.includes('%')) return
        const family = parseIp(text, words)
        assert.equal(family !== 0, isIP(text) !== 0, text)
        if (isIP(text) === 4) assert.equal(family, 4)
      }),
      { numRuns: 5000 },
    )
  })
})
