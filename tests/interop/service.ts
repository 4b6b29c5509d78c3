import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { OrcaLoadReportSchema } from '../../packages/rpc/src/gen/xds/data/orca/v3/orca_load_report_pb.ts'
import type { OrcaLoadReportRequest } from '../../packages/rpc/src/gen/xds/service/orca/v3/orca_pb.ts'
import type {
  BoolValue,
  EchoStatus,
  PayloadSchema,
  SimpleRequest,
  SimpleResponseSchema,
  StreamingInputCallRequest,
  StreamingInputCallResponseSchema,
  StreamingOutputCallRequest,
  StreamingOutputCallResponseSchema,
} from '../../scripts/lib/gen/grpc/testing/messages_pb.ts'
import { type LoadReport, loadReport, OrcaState } from './orca-state.ts'
import { type ServiceCall, StatusError } from './service-call.ts'

const initialName = 'x-grpc-test-echo-initial'
const trailingName = 'x-grpc-test-echo-trailing-bin'
const invalidArgument = 3

type Output = MessageInitShape<typeof StreamingOutputCallResponseSchema>

function payload(size: number): MessageInitShape<typeof PayloadSchema> {
  if (size < 0) throw new StatusError(invalidArgument, `a payload of ${size} bytes`)
  return { body: new Uint8Array(size) }
}

/** Everything metadata asks for; before the first response. */
function echoMetadata(call: ServiceCall): void {
  for (const value of call.metadata(initialName)) call.header(initialName, value)
  for (const value of call.metadata(trailingName)) call.trailer(trailingName, value)
}

function echoStatus(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) throw new StatusError(status.code, status.message)
}

function checkCompressed(expected: BoolValue | undefined, call: ServiceCall): void {
  if (expected !== undefined && expected.value !== call.requestCompressed())
    throw new StatusError(invalidArgument, `expect_compressed is ${expected.value}`)
}

/** The duties of grpc.testing.TestService. UnimplementedCall and UnimplementedService must stay away. */
export class InteropService {
  private readonly serverId = randomUUID()
  private readonly orca = new OrcaState()

  emptyCall(call: ServiceCall): void {
    echoMetadata(call)
  }

  unaryCall(
    request: SimpleRequest,
    call: ServiceCall,
  ): MessageInitShape<typeof SimpleResponseSchema> {
    echoMetadata(call)
    checkCompressed(request.expectCompressed, call)
    echoStatus(request.responseStatus)
    if (request.orcaPerQueryReport !== undefined) {
      const report = create(OrcaLoadReportSchema, loadReport(request.orcaPerQueryReport))
      call.trailer('endpoint-load-metrics-bin', toBinary(OrcaLoadReportSchema, report))
    }
    const compressed = request.responseCompressed?.value === true
    if (compressed) call.chooseGzip()
    call.compressNext(compressed)
    return {
      payload: payload(request.responseSize),
      serverId: request.fillServerId ? this.serverId : '',
      username: '',
    }
  }

  async *streamingOutputCall(
    request: StreamingOutputCallRequest,
    call: ServiceCall,
  ): AsyncGenerator<Output> {
    echoMetadata(call)
    echoStatus(request.responseStatus)
    yield* this.outputs(request, call)
  }

  async streamingInputCall(
    requests: AsyncIterable<StreamingInputCallRequest>,
    call: ServiceCall,
  ): Promise<MessageInitShape<typeof StreamingInputCallResponseSchema>> {
    echoMetadata(call)
    let aggregatedPayloadSize = 0
    for await (const request of requests) {
      checkCompressed(request.expectCompressed, call)
      aggregatedPayloadSize += request.payload?.body.length ?? 0
    }
    return { aggregatedPayloadSize }
  }

  async *fullDuplexCall(
    requests: AsyncIterable<StreamingOutputCallRequest>,
    call: ServiceCall,
  ): AsyncGenerator<Output> {
    echoMetadata(call)
    let release: (() => void) | undefined
    try {
      for await (const request of requests) {
        echoStatus(request.responseStatus)
        if (request.orcaOobReport !== undefined) {
          release ??= await this.orca.hold()
          this.orca.current = loadReport(request.orcaOobReport)
        }
        yield* this.outputs(request, call)
      }
    } finally {
      release?.()
    }
  }

  /** Answers only after the last request. */
  async *halfDuplexCall(
    requests: AsyncIterable<StreamingOutputCallRequest>,
    call: ServiceCall,
  ): AsyncGenerator<Output> {
    echoMetadata(call)
    const all: StreamingOutputCallRequest[] = []
    for await (const request of requests) all.push(request)
    for (const request of all) yield* this.outputs(request, call)
  }

  /** OpenRcaService: the out-of-band report, now and then at the interval asked for. */
  async *streamCoreMetrics(
    request: OrcaLoadReportRequest,
    call: ServiceCall,
  ): AsyncGenerator<LoadReport> {
    const interval = request.reportInterval
    const ms = Number(interval?.seconds ?? 0n) * 1000 + (interval?.nanos ?? 0) / 1e6
    while (!call.signal.aborted) {
      yield this.orca.current
      await delay(Math.max(ms, 100), undefined, { signal: call.signal }).catch(() => undefined)
    }
  }

  private async *outputs(
    request: StreamingOutputCallRequest,
    call: ServiceCall,
  ): AsyncGenerator<Output> {
    if (request.responseParameters.some((one) => one.compressed?.value === true)) call.chooseGzip()
    for (const { size, intervalUs, compressed } of request.responseParameters) {
      if (intervalUs > 0) await delay(intervalUs / 1000, undefined, { signal: call.signal })
      call.compressNext(compressed?.value === true)
      yield { payload: payload(size) }
    }
  }
}
