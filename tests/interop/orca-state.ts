import type { MessageInitShape } from '@bufbuild/protobuf'
import type { OrcaLoadReportSchema } from '../../packages/rpc/src/gen/xds/data/orca/v3/orca_load_report_pb.ts'
import type { TestOrcaReport } from '../../scripts/lib/gen/grpc/testing/messages_pb.ts'

export type LoadReport = MessageInitShape<typeof OrcaLoadReportSchema>

export function loadReport(report: TestOrcaReport): LoadReport {
  return {
    cpuUtilization: report.cpuUtilization,
    memUtilization: report.memoryUtilization,
    requestCost: report.requestCost,
    utilization: report.utilization,
  }
}

/** The server's out-of-band report, which one stream at a time may set. */
export class OrcaState {
  current: LoadReport = {}
  private free: Promise<void> = Promise.resolve()

  /** Resolves when no other stream holds it; call the result to let go. */
  async hold(): Promise<() => void> {
    const before = this.free
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.free = promise
    await before
    return () => {
      this.current = {}
      resolve(undefined)
    }
  }
}
