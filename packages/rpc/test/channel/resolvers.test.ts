import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, it } from 'node:test'
import { createVirtualClock, type Random, TidemillError } from '@tidemill/core'
import { formatAddress, parseHostPort } from '../../src/channel/address.ts'
import { createDnsResolver, type DnsLookup } from '../../src/channel/dns-resolver.ts'
import type { Resolution, ResolverContext, ResolverFactory } from '../../src/channel/resolver.ts'
import { findResolver, registerResolver } from '../../src/channel/resolver-registry.ts'
import { parseTarget } from '../../src/channel/target.ts'
import { chooseServiceConfig } from '../../src/channel/txt-service-config.ts'

const even: Random = { next: () => 0.5, integer: () => 50, bytes: (target) => target }

function open(
  text: string,
  factory?: ResolverFactory,
  changes: Partial<ResolverContext> = {},
): {
  clock: ReturnType<typeof createVirtualClock>
  told: (Resolution | string)[]
  resolver: ReturnType<ResolverFactory['create']>
  authority: string
} {
  const clock = createVirtualClock()
  const told: (Resolution | string)[] = []
  const { target, resolver } = parseTarget(text, (scheme) =>
    scheme === 'dns' && factory !== undefined ? factory : findResolver(scheme),
  )
  const listener = {
    resolved: (resolution: Resolution): void => void told.push(resolution),
    failed: (message: string): void => void told.push(message),
  }
  const context = { clock, random: even, txtServiceConfig: false, ...changes }
  return {
    clock,
    told,
    resolver: resolver.create(target, listener, context),
    authority: resolver.authority(target),
  }
}

async function addressesOf(text: string): Promise<readonly string[]> {
  const { clock, told, resolver } = open(text)
  resolver.resolve()
  await clock.advance(0)
  const [first] = told
  assert.ok(typeof first === 'object')
  return first.addresses.map(formatAddress)
}

function refuses(text: string): void {
  assert.throws(
    () => open(text),
    (error) => TidemillError.is(error, 'TM_RPC_TARGET'),
    text,
  )
}

describe('targets', () => {
  it('read every form of addresses', async () => {
    assert.deepEqual(await addressesOf('127.0.0.1:50051'), ['127.0.0.1:50051'])
    assert.deepEqual(await addressesOf('[::1]:50051'), ['[::1]:50051'])
    assert.deepEqual(await addressesOf('::1'), ['[::1]:443'])
    assert.deepEqual(await addressesOf('dns:///10.0.0.1'), ['10.0.0.1:443'])
    assert.deepEqual(await addressesOf('dns:10.0.0.1:1'), ['10.0.0.1:1'])
    assert.deepEqual(await addressesOf('ipv4:10.0.0.1:80,10.0.0.2:81'), [
      '10.0.0.1:80',
      '10.0.0.2:81',
    ])
    assert.deepEqual(await addressesOf('ipv6:[::1]:80,[::2]'), ['[::1]:80', '[::2]:443'])
    assert.deepEqual(await addressesOf('unix:///run/a.sock'), ['unix:/run/a.sock'])
    assert.deepEqual(await addressesOf('unix:/run/a.sock'), ['unix:/run/a.sock'])
    assert.deepEqual(await addressesOf('static:a:1, b:2,unix:/run/c.sock'), [
      'a:1',
      'b:2',
      'unix:/run/c.sock',
    ])
    assert.deepEqual(await addressesOf('unix:a.sock'), [`unix:${path.resolve('a.sock')}`])
  })

  it('give the authority of calls', () => {
    assert.equal(open('example.test:80').authority, 'example.test:80')
    assert.equal(open('dns://9.9.9.9/example.test:80').authority, 'example.test:80')
    assert.equal(open('ipv4:10.0.0.1:80,10.0.0.2:81').authority, '10.0.0.1:80')
    assert.equal(open('unix:///run/a.sock').authority, 'localhost')
  })

  it('are refused when they name nothing or are not of their form', () => {
    for (const text of [
      '',
      'dns:///',
      'dns:',
      'unix:',
      'ipv4:::1:80',
      'ipv4:example.test:80',
      'ipv6:10.0.0.1:80',
      'unix://host/path',
      'host:99999',
      'a b:1',
      'host:port',
    ]) {
      refuses(text)
    }
  })

  it('may have a scheme of the application', async () => {
    registerResolver('resolvers-test', {
      authority: () => 'mine',
      create: (target, listener) => ({
        resolve: () =>
          listener.resolved({ addresses: [{ kind: 'tcp', host: target.endpoint, port: 7 }] }),
        close: () => {},
      }),
    })
    assert.deepEqual(await addressesOf('resolvers-test:///there'), ['there:7'])
  })

  it('know hosts with and without ports', () => {
    assert.deepEqual(parseHostPort('a', 1), { kind: 'tcp', host: 'a', port: 1 })
    assert.deepEqual(parseHostPort('a:0', 1), { kind: 'tcp', host: 'a', port: 0 })
    for (const text of ['[::1', '[]:1', ':1', 'a:', 'a:1x', '1:2:x']) {
      assert.equal(parseHostPort(text, 1), undefined, text)
    }
  })
})

describe('DNS resolver', () => {
  class Names implements DnsLookup {
    asked = 0
    hosts: readonly string[] | Error = ['10.0.0.1', '::2']
    records: readonly (readonly string[])[] = []

    addresses(): Promise<readonly string[]> {
      this.asked++
      return this.hosts instanceof Error ? Promise.reject(this.hosts) : Promise.resolve(this.hosts)
    }

    texts(): Promise<readonly (readonly string[])[]> {
      return Promise.resolve(this.records)
    }
  }

  it('looks a name up when it is started, not before', async () => {
    const names = new Names()
    const { clock, told, resolver } = open(
      'example.test:80',
      createDnsResolver(() => names),
    )
    await clock.advance(100_000)
    assert.equal(names.asked, 0)
    resolver.resolve()
    await clock.advance(0)
    assert.deepEqual(told, [
      {
        addresses: [
          { kind: 'tcp', host: '10.0.0.1', port: 80 },
          { kind: 'tcp', host: '::2', port: 80 },
        ],
      },
    ])
  })

  it('looks up again at most every 30 s however often it is asked', async () => {
    const names = new Names()
    const { clock, resolver } = open(
      'example.test:80',
      createDnsResolver(() => names),
    )
    resolver.resolve()
    for (let second = 0; second < 90; second++) {
      resolver.resolve()
      await clock.advance(1000)
    }
    assert.equal(names.asked, 4)
    resolver.close()
    assert.equal(clock.pending, 0)
  })

  it('tries a failed look-up again by itself, with backoff', async () => {
    const names = new Names()
    names.hosts = new Error('ENOTFOUND')
    const { clock, told, resolver } = open(
      'example.test:80',
      createDnsResolver(() => names),
    )
    resolver.resolve()
    await clock.advance(999)
    assert.deepEqual(told, ['ENOTFOUND'])
    await clock.advance(1)
    assert.equal(names.asked, 2)
    names.hosts = ['10.0.0.1']
    await clock.advance(1600)
    assert.equal(typeof told.at(-1), 'object')
    await clock.advance(100_000)
    assert.equal(names.asked, 3)
    // The backoff begins anew after a success.
    names.hosts = new Error('ENOTFOUND')
    resolver.resolve()
    await clock.advance(999)
    assert.equal(names.asked, 4)
    await clock.advance(1)
    assert.equal(names.asked, 5)
    resolver.close()
  })

  it('takes a name without addresses as a failure', async () => {
    const names = new Names()
    names.hosts = []
    const { clock, told, resolver } = open(
      'example.test:80',
      createDnsResolver(() => names),
    )
    resolver.resolve()
    await clock.advance(0)
    assert.deepEqual(told, ['example.test:80: the name has no address'])
    resolver.close()
  })

  it('asks for the service config in TXT records only when it is to', async () => {
    const names = new Names()
    names.records = [['grpc_config=[{"serviceConfig":', '{"a":1}}]']]
    const factory = createDnsResolver(() => names)
    const off = open('example.test:80', factory)
    off.resolver.resolve()
    await off.clock.advance(0)
    assert.equal('serviceConfig' in (off.told[0] as object), false)
    const on = open('example.test:80', factory, { txtServiceConfig: true })
    on.resolver.resolve()
    await on.clock.advance(0)
    assert.deepEqual((on.told[0] as Resolution).serviceConfig, { a: 1 })
    // A record that cannot be read must not stop calls.
    names.records = [['grpc_config={']]
    const broken = open('example.test:80', factory, { txtServiceConfig: true })
    broken.resolver.resolve()
    await broken.clock.advance(0)
    assert.equal((broken.told[0] as Resolution).addresses.length, 2)
  })
})

describe('service config in TXT records', () => {
  it('is the first choice that fits language, host name and percentage', () => {
    const choices = [
      { clientLanguage: ['go'], serviceConfig: 1 },
      { clientHostname: ['other'], serviceConfig: 2 },
      { percentage: 50, serviceConfig: 3 },
      { clientLanguage: ['Node'], clientHostname: ['here'], percentage: 51, serviceConfig: 4 },
      { serviceConfig: 5 },
    ]
    const record = [`grpc_config=${JSON.stringify(choices)}`]
    assert.equal(chooseServiceConfig([['v=spf1'], record], even, 'here'), 4)
    assert.equal(chooseServiceConfig([['v=spf1'], record], even, 'there'), 5)
    assert.equal(chooseServiceConfig([['v=spf1']], even, 'here'), undefined)
  })
})
