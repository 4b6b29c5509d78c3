import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Problem, TidemillError } from '@tidemill/core'
import { checkedServiceConfig } from '../../src/channel/channel-core.ts'
import {
  defaultMethodConfig,
  hasCode,
  methodConfig,
  type ServiceConfig,
} from '../../src/channel/service-config.ts'

function read(input: unknown): ServiceConfig {
  return checkedServiceConfig(input, false)
}

function problems(input: unknown): readonly string[] {
  try {
    read(input)
  } catch (error) {
    assert.ok(TidemillError.is(error, 'TM_RPC_SERVICE_CONFIG'))
    return (error.details['problems'] as readonly Problem[]).map(
      (problem) => `${problem.path} ${problem.message}`,
    )
  }
  return []
}

const retryPolicy = {
  maxAttempts: 4,
  initialBackoff: '0.1s',
  maxBackoff: '1s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE', 'aborted', 8],
}
const name = [{ service: 'a.B' }]

describe('service config', () => {
  it('reads every field of the JSON form, given as text', () => {
    const config = read(
      JSON.stringify({
        methodConfig: [
          {
            name: [{ service: 'a.B', method: 'C' }, { service: 'a.D' }],
            timeout: '1.5s',
            waitForReady: true,
            maxRequestMessageBytes: '1000',
            maxResponseMessageBytes: 2000,
            retryPolicy,
          },
          { name: [{}], hedgingPolicy: { maxAttempts: 9, nonFatalStatusCodes: [14] } },
        ],
        retryThrottling: { maxTokens: 10, tokenRatio: 0.1234 },
        loadBalancingConfig: [{ xds_magic: {} }, { round_robin: {} }, { pick_first: {} }],
        healthCheckConfig: { serviceName: 'a.B' },
      }),
    )
    const method = methodConfig(config, '/a.B/C')
    assert.equal(method.timeoutMs, 1500)
    assert.equal(method.waitForReady, true)
    assert.equal(method.maxRequestBytes, 1000)
    assert.equal(method.maxResponseBytes, 2000)
    assert.deepEqual(
      { ...method.retry, retryableCodes: undefined },
      {
        maxAttempts: 4,
        initialBackoffMs: 100,
        maxBackoffMs: 1000,
        backoffMultiplier: 2,
        retryableCodes: undefined,
      },
    )
    const mask = method.retry?.retryableCodes ?? 0
    assert.deepEqual(
      Array.from({ length: 17 }, (_, code) => code).filter((code) => hasCode(mask, code)),
      [8, 10, 14],
    )
    assert.deepEqual(config.throttling, { maxTokens: 10_000, tokenRatio: 123 })
    assert.deepEqual(config.balancer, { policy: 'round_robin', config: {} })
    assert.equal(config.healthCheckService, 'a.B')
  })

  it('finds the entry of the method, then of the service, then the default one', () => {
    const config = read({
      methodConfig: [
        { name: [{}], timeout: '3s' },
        { name: [{ service: 'a.B' }], timeout: '2s' },
        { name: [{ service: 'a.B', method: 'C' }], timeout: '1s' },
      ],
    })
    assert.equal(methodConfig(config, '/a.B/C').timeoutMs, 1000)
    assert.equal(methodConfig(config, '/a.B/X').timeoutMs, 2000)
    assert.equal(methodConfig(config, '/x.Y/C').timeoutMs, 3000)
    assert.equal(methodConfig(read({}), '/x.Y/C'), defaultMethodConfig)
  })

  it('takes more than five attempts as five', () => {
    const entry = { name, retryPolicy: { ...retryPolicy, maxAttempts: 100 } }
    assert.equal(methodConfig(read({ methodConfig: [entry] }), '/a.B/C').retry?.maxAttempts, 5)
  })

  it('reports all problems with their places at once', () => {
    const found = problems({
      methodConfig: [
        {
          name: [{ method: 'C' }, { service: 'a/b' }, { service: 'q' }],
          timeout: '1 s',
          waitForReady: 'yes',
          maxRequestMessageBytes: -1,
          retryPolicy: {
            maxAttempts: 1,
            initialBackoff: '0s',
            maxBackoff: '-1s',
            backoffMultiplier: 0,
            retryableStatusCodes: ['NOPE', 17],
          },
          hedgingPolicy: { hedgingDelay: 5 },
        },
        { name: [{ service: 'q' }], retryPolicy: { retryableStatusCodes: [] } },
        7,
      ],
      retryThrottling: { maxTokens: 1001, tokenRatio: 0.0001 },
      loadBalancingConfig: [{ xds: {} }],
      healthCheckConfig: { serviceName: 1 },
      methodconfig: [],
    })
    assert.deepEqual(found, [
      '/methodconfig no such field; did you mean "methodConfig"?',
      '/methodConfig/0/hedgingPolicy stands beside a retryPolicy; a method has only one of them',
      '/methodConfig/0/timeout is not a duration',
      '/methodConfig/0/waitForReady is not a boolean',
      '/methodConfig/0/maxRequestMessageBytes is too small',
      '/methodConfig/0/retryPolicy/retryableStatusCodes/0 is not a gRPC status code',
      '/methodConfig/0/retryPolicy/retryableStatusCodes/1 is not a gRPC status code',
      '/methodConfig/0/retryPolicy/maxAttempts is too small',
      '/methodConfig/0/retryPolicy/initialBackoff is zero',
      '/methodConfig/0/retryPolicy/maxBackoff is negative',
      '/methodConfig/0/retryPolicy/backoffMultiplier is out of range',
      '/methodConfig/0/hedgingPolicy/maxAttempts is missing',
      '/methodConfig/0/hedgingPolicy/hedgingDelay is not a duration',
      '/methodConfig/0/name/0 has a method but no service',
      '/methodConfig/0/name/1 has a slash in it',
      '/methodConfig/1/retryPolicy/retryableStatusCodes names no status code',
      '/methodConfig/1/retryPolicy/maxAttempts is missing',
      '/methodConfig/1/retryPolicy/initialBackoff is missing',
      '/methodConfig/1/retryPolicy/maxBackoff is missing',
      '/methodConfig/1/retryPolicy/backoffMultiplier is missing',
      '/methodConfig/1/name/0 "/q/" is named twice',
      '/methodConfig/2 is not an object',
      '/retryThrottling/maxTokens is out of range',
      '/loadBalancingConfig has no policy that is known here',
      '/healthCheckConfig/serviceName is not a text',
    ])
  })

  it('refuses a tokenRatio that would round to nothing', () => {
    assert.deepEqual(problems({ retryThrottling: { maxTokens: 10, tokenRatio: 0.0001 } }), [
      '/retryThrottling/tokenRatio is too small',
    ])
  })

  it('refuses what is not JSON and what is not an object', () => {
    assert.match(problems('{')[0] ?? '', /is not JSON/u)
    assert.deepEqual(problems([]), [' is not an object'])
    assert.deepEqual(problems({ methodConfig: {} }), ['/methodConfig is not a list'])
  })

  it('lets the balancing policy check its own part', () => {
    assert.deepEqual(
      problems({ loadBalancingConfig: [{ pick_first: { shuffleAddressList: 'no' } }] }),
      ['/loadBalancingConfig/0/pick_first/shuffleAddressList is not a boolean'],
    )
    assert.deepEqual(problems({ loadBalancingConfig: [{ round_robin: {}, pick_first: {} }] }), [
      '/loadBalancingConfig/0 does not have exactly one field',
      '/loadBalancingConfig has no policy that is known here',
    ])
  })

  it('takes the old name of a policy in either case and skips fields unknown to it from a resolver', () => {
    const config = checkedServiceConfig({ loadBalancingPolicy: 'ROUND_ROBIN', novel: 1 }, true)
    assert.equal(config.balancer?.policy, 'round_robin')
    assert.deepEqual(problems({ loadBalancingPolicy: 'grpclb' }), [
      '/loadBalancingPolicy is not known here',
    ])
  })
})
