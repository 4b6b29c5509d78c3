import type { DescMethod } from '@bufbuild/protobuf'
import type { Clock, Random } from '@tidemill/core'
import { type CallData, uuid4 } from './template.ts'

/** Makes the {@link CallData} of one call after another of a method. */
export type CallDataMaker = (workerId: string, requestNumber: number) => CallData

export function callDataMaker(method: DescMethod, clock: Clock, random: Random): CallDataMaker {
  const about = {
    FullyQualifiedName: `${method.parent.typeName}.${method.name}`,
    MethodName: method.name,
    ServiceName: method.parent.name,
    InputName: method.input.name,
    OutputName: method.output.name,
    IsClientStreaming:
      method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    IsServerStreaming:
      method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
  }
  return (workerId, requestNumber) => {
    const now = clock.now()
    return {
      ...about,
      WorkerID: workerId,
      RequestNumber: requestNumber,
      Timestamp: `${new Date(now).toISOString().slice(0, 19)}Z`,
      TimestampUnix: Math.floor(now / 1000),
      TimestampUnixMilli: now,
      // The clock gives whole milliseconds; a double could not hold the nanoseconds.
      TimestampUnixNano: `${now}000000`,
      UUID: uuid4(random),
    }
  }
}
