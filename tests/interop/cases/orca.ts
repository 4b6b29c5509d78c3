import assert from 'node:assert/strict'
import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type OrcaLoadReport,
  OrcaLoadReportSchema,
} from '../../../packages/rpc/src/gen/xds/data/orca/v3/orca_load_report_pb.ts'
import { OpenRcaService } from '../../../packages/rpc/src/gen/xds/service/orca/v3/orca_pb.ts'
import type { TestOrcaReportSchema } from '../../../scripts/lib/gen/grpc/testing/messages_pb.ts'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import type { Caller } from '../caller.ts'
import { next, unary } from '../calls.ts'
import { zeros } from './payload.ts'

type Report = MessageInitShape<typeof TestOrcaReportSchema>

function matches(got: OrcaLoadReport, wanted: Report): boolean {
  return (
    got.cpuUtilization === wanted.cpuUtilization &&
    got.memUtilization === wanted.memoryUtilization &&
    same(got.requestCost, wanted.requestCost) &&
    same(got.utilization, wanted.utilization)
  )
}

function same(
  got: Readonly<Record<string, number>>,
  wanted: Readonly<Record<string, number>> = {},
): boolean {
  const names = Object.keys(wanted)
  return (
    names.length === Object.keys(got).length && names.every((name) => got[name] === wanted[name])
  )
}

export async function orcaPerRpc(caller: Caller): Promise<void> {
  const orcaPerQueryReport = {
    cpuUtilization: 0.821,
    memoryUtilization: 0.5847,
    requestCost: { cost: 3456.32 },
    utilization: { util: 0.304_99 },
  }
  const answer = await unary(
    caller,
    TestService.method.unaryCall,
    { responseSize: 1, payload: zeros(1), orcaPerQueryReport },
    { timeoutMs: 30_000 },
  )
  const [bytes, ...more] = await answer.trailer('endpoint-load-metrics-bin')
  assert.ok(bytes instanceof Uint8Array && more.length === 0, 'one report in the trailers')
  assert.ok(matches(fromBinary(OrcaLoadReportSchema, bytes), orcaPerQueryReport))
}

export async function orcaOob(caller: Caller): Promise<void> {
  const stream = caller.open(TestService.method.fullDuplexCall, { timeoutMs: 30_000 })
  const reports = caller.open(OpenRcaService.method.streamCoreMetrics, { timeoutMs: 30_000 })
  await reports.send({ reportInterval: { seconds: 1n } })
  reports.end()
  const wanted: readonly Report[] = [
    { cpuUtilization: 0.821, memoryUtilization: 0.5847, utilization: { util: 0.304_99 } },
    { cpuUtilization: 0.293_09, memoryUtilization: 0.2, utilization: { util: 0.2039 } },
  ]
  for (const orcaOobReport of wanted) {
    await stream.send({ orcaOobReport, responseParameters: [{ size: 1 }] })
    await next(stream)
    // The report of the moment before may still be on its way.
    while (!matches((await next(reports)).message, orcaOobReport)) continue
  }
  reports.cancel()
  stream.end()
  assert.equal(await stream.receive(), undefined)
}
