import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { createVirtualClock } from '@tidemill/core'
import { backendMetrics } from '../../src/channel/backend-metrics.ts'
import { registerLoadBalancer } from '../../src/channel/balancer-registry.ts'
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from '../../src/gen/grpc/health/v1/health_pb.ts'
import {
  type OrcaLoadReport,
  OrcaLoadReportSchema,
} from '../../src/gen/xds/data/orca/v3/orca_load_report_pb.ts'
import { OrcaLoadReportRequestSchema } from '../../src/gen/xds/service/orca/v3/orca_pb.ts'
import type { Transport } from '../../src/transport/transport.ts'
import { Backend, callOnce, openProvider, type ServedCall, transports, until } from './loopback.ts'

const healthPath = '/grpc.health.v1.Health/Watch'
const orcaPath = '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics'

for (const transport of transports) {
  describe(`health checks over ${transport.name}`, () => healthCases(transport))
  describe(`load reports over ${transport.name}`, () => reportCases(transport))
}

const healthConfig = {
  loadBalancingConfig: [{ round_robin: {} }],
  healthCheckConfig: { serviceName: 't.S' },
}

function health(status: ServingStatus): Uint8Array {
  return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }))
}

/** A backend whose health the test tells. */
async function healthBackend(
  transport: Transport,
  watched: (served: ServedCall) => void,
): Promise<{ backend: Backend; watches: ServedCall[] }> {
  const watches: ServedCall[] = []
  const backend = await new Backend(transport, (served) => {
    if (served.path === healthPath) {
      watches.push(served)
      watched(served)
    } else served.answer([])
  }).listen()
  return { backend, watches }
}

function healthCases(transport: Transport): void {
  it('use a backend only while it says that it serves', async () => {
    const { backend, watches } = await healthBackend(transport, (served) => {
      served.begin()
      served.say(health(ServingStatus.NOT_SERVING))
    })
    const provider = openProvider(transport, backend.address, { serviceConfig: healthConfig })
    const failed = await callOnce(provider)
    assert.equal(failed.code, 14)
    assert.match(failed.message, /"t\.S" is not healthy there/u)
    watches[0]?.say(health(ServingStatus.SERVING))
    await until('it is ready', () => provider.state === 'READY')
    assert.equal((await callOnce(provider)).code, 0)
    watches[0]?.say(health(ServingStatus.NOT_SERVING))
    await until('it is not ready', () => provider.state === 'TRANSIENT_FAILURE')
    assert.equal(watches[0]?.body.slice(5), '\n\u0003t.S')
    await provider.close()
    await backend.close()
  })

  it('count a backend without the health service as healthy', async () => {
    const { backend, watches } = await healthBackend(transport, (served) => served.fail(12))
    const provider = openProvider(transport, backend.address, { serviceConfig: healthConfig })
    assert.equal((await callOnce(provider)).code, 0)
    assert.equal(watches.length, 1)
    await provider.close()
    await backend.close()
  })

  it('ask again after a failure, and are not made with pick_first', async () => {
    const { backend, watches } = await healthBackend(transport, (served) => {
      if (watches.length === 1) served.fail(14)
      else {
        served.begin()
        served.say(health(ServingStatus.SERVING))
      }
    })
    const clock = createVirtualClock()
    const provider = openProvider(transport, backend.address, {
      clock,
      serviceConfig: healthConfig,
    })
    assert.equal((await callOnce(provider)).code, 14)
    await clock.advance(1500)
    await until('it is ready', () => provider.state === 'READY')
    assert.equal(watches.length, 2)
    const first = openProvider(transport, backend.address, {
      serviceConfig: { healthCheckConfig: { serviceName: 't.S' } },
    })
    assert.equal((await callOnce(first)).code, 0)
    assert.equal(watches.length, 2)
    await Promise.all([provider.close(), first.close()])
    await backend.close()
  })

  it('are no use of the channel: it becomes idle all the same', async () => {
    const { backend, watches } = await healthBackend(transport, (served) => {
      served.begin()
      served.say(health(ServingStatus.SERVING))
    })
    const clock = createVirtualClock()
    const provider = openProvider(transport, backend.address, {
      clock,
      serviceConfig: healthConfig,
      idleMs: 60_000,
    })
    assert.equal((await callOnce(provider)).code, 0)
    await clock.advance(80_000)
    assert.equal(provider.state, 'IDLE')
    await until('the watch is over', () => watches[0]?.reset === true)
    await provider.close()
    await backend.close()
  })
}

function report(cpuUtilization: number): Uint8Array {
  return toBinary(OrcaLoadReportSchema, create(OrcaLoadReportSchema, { cpuUtilization }))
}

function reportCases(transport: Transport): void {
  it('come with the trailers of calls; ones that cannot be read are left out', async () => {
    const heard: [OrcaLoadReport, string][] = []
    registerLoadBalancer(
      'reports-test',
      backendMetrics({ onCall: (found, { path }) => void heard.push([found, path]) }),
    )
    const backend = await new Backend(transport, (served) => {
      const good = Buffer.from(report(0.5)).toString('base64').replaceAll('=', '')
      const value = served.path === '/t.S/Bad' ? '////' : good
      served.answer([], ['endpoint-load-metrics-bin', value])
    }).listen()
    const serviceConfig = { loadBalancingConfig: [{ 'reports-test': {} }] }
    const provider = openProvider(transport, backend.address, { serviceConfig })
    assert.equal((await callOnce(provider)).code, 0)
    assert.equal((await callOnce(provider, '/t.S/Bad')).code, 0)
    assert.deepEqual(
      heard.map(([found, path]) => [found.cpuUtilization, path]),
      [[0.5, '/t.S/M']],
    )
    await provider.close()
    await backend.close()
  })

  it('come in a stream of their own, and end with the channel', async () => {
    const heard: [number, string][] = []
    const policy = backendMetrics({
      onReport: (found, from) => void heard.push([found.cpuUtilization, from]),
      interval: '1500ms',
    })
    registerLoadBalancer('reports-stream-test', policy)
    const streams: ServedCall[] = []
    const backend = await new Backend(transport, (served) => {
      if (served.path === orcaPath) {
        streams.push(served)
        served.begin()
        served.say(report(0.25))
        served.say(report(0.75))
      } else served.answer([])
    }).listen()
    const serviceConfig = { loadBalancingConfig: [{ 'reports-stream-test': {} }] }
    const provider = openProvider(transport, backend.address, { serviceConfig })
    assert.equal((await callOnce(provider)).code, 0)
    await until('both are there', () => heard.length === 2)
    assert.deepEqual(heard, [
      [0.25, backend.address],
      [0.75, backend.address],
    ])
    const bytes = Buffer.from(streams[0]?.body.slice(5) ?? '', 'latin1')
    const { reportInterval } = fromBinary(OrcaLoadReportRequestSchema, bytes)
    assert.deepEqual([reportInterval?.seconds, reportInterval?.nanos], [1n, 500_000_000])
    await provider.close()
    await until('the stream is over', () => streams[0]?.reset === true)
    await backend.close()
  })

  it('are not asked for again where the backend has no such service', async () => {
    registerLoadBalancer('reports-none-test', backendMetrics({ onReport: () => {} }))
    const backend = await new Backend(transport, (served) => {
      if (served.path === orcaPath) served.fail(12)
      else served.answer([])
    }).listen()
    const clock = createVirtualClock()
    const serviceConfig = { loadBalancingConfig: [{ 'reports-none-test': {} }] }
    const provider = openProvider(transport, backend.address, { clock, serviceConfig })
    for (let i = 0; i < 3; i++) {
      assert.equal((await callOnce(provider)).code, 0)
      await clock.advance(200_000)
    }
    assert.equal(backend.calls.filter((served) => served.path === orcaPath).length, 1)
    await provider.close()
    await backend.close()
  })
}
