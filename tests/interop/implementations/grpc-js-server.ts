import { create, type DescMethod, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { OpenRcaService } from '../../../packages/rpc/src/gen/xds/service/orca/v3/orca_pb.ts'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { Inbox } from '../inbox.ts'
import { InteropService } from '../service.ts'
import { type ServiceCall, StatusError } from '../service-call.ts'
import type { InteropServer, Listen } from './endpoint.ts'

type Stream = ServerDuplexStream<unknown, unknown>
type Run = (requests: AsyncIterable<never>, call: ServiceCall) => AsyncIterable<object>

/** Every kind is served as a stream of both. */
function definition(method: DescMethod): MethodDefinition<unknown, unknown> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message) => message as Buffer,
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => {
      return Buffer.from(
        toBinary(method.output, create(method.output, message as Record<string, unknown>)),
      )
    },
    responseDeserialize: (bytes) => bytes,
  }
}

async function first<T>(requests: AsyncIterable<T>): Promise<T> {
  for await (const request of requests) return request
  throw new StatusError(13, 'a unary call without a request')
}

const one = <T>(run: (request: T, call: ServiceCall) => object | Promise<object>): Run =>
  async function* respond(requests, call) {
    yield await run(await first<T>(requests), call)
  }

const many = <T>(run: (request: T, call: ServiceCall) => AsyncIterable<object>): Run =>
  async function* respond(requests, call) {
    yield* run(await first<T>(requests), call)
  }

function serveCall(stream: Stream, run: Run): void {
  const inbox = new Inbox<unknown>()
  const aborted = new AbortController()
  const headers = new Metadata()
  const trailers = new Metadata()
  stream.on('data', (message: unknown) => inbox.push(message))
  stream.on('end', () => inbox.end())
  stream.on('error', () => undefined)
  stream.on('cancelled', () => {
    inbox.end(new Error('cancelled'))
    aborted.abort()
  })
  const call: ServiceCall = {
    metadata: (name) => stream.metadata.get(name),
    header: (name, value) =>
      headers.add(name, typeof value === 'string' ? value : Buffer.from(value)),
    trailer: (name, value) =>
      trailers.add(name, typeof value === 'string' ? value : Buffer.from(value)),
    requestCompressed: () => undefined,
    chooseGzip: () => undefined,
    compressNext: () => undefined,
    signal: aborted.signal,
  }
  const respond = async (): Promise<void> => {
    let sent = false
    for await (const response of run(inbox as AsyncIterable<never>, call)) {
      if (!sent) stream.sendMetadata(headers)
      sent = true
      stream.write(response)
    }
    if (!sent) stream.sendMetadata(headers)
    stream.end(trailers)
  }
  respond().catch((error: unknown) => {
    const code = error instanceof StatusError ? error.code : 2
    stream.emit('error', { code, details: (error as Error).message, metadata: trailers })
  })
}

export async function grpcJsServer(listen: Listen): Promise<InteropServer> {
  const service = new InteropService()
  const runs: readonly (readonly [DescMethod, Run])[] = [
    [
      TestService.method.emptyCall,
      one((_, call) => {
        service.emptyCall(call)
        return {}
      }),
    ],
    [TestService.method.unaryCall, one(service.unaryCall.bind(service))],
    [TestService.method.streamingOutputCall, many(service.streamingOutputCall.bind(service))],
    [
      TestService.method.streamingInputCall,
      async function* collect(requests, call) {
        yield await service.streamingInputCall(requests, call)
      },
    ],
    [TestService.method.fullDuplexCall, service.fullDuplexCall.bind(service)],
    [TestService.method.halfDuplexCall, service.halfDuplexCall.bind(service)],
    [OpenRcaService.method.streamCoreMetrics, many(service.streamCoreMetrics.bind(service))],
  ]
  const server = new Server()
  for (const [method, run] of runs) {
    const implementation: UntypedServiceImplementation = {
      [method.name]: (stream: Stream) => serveCall(stream, run),
    }
    server.addService({ [method.name]: definition(method) }, implementation)
  }
  const { tls } = listen
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) },
        ])
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`${listen.host}:${listen.port}`, credentials, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
  return {
    close: () => {
      server.forceShutdown()
      return Promise.resolve()
    },
  }
}
