import { createServer, RpcError, type ServerContext, type StatusCode } from '@tidemill/rpc'
import { OpenRcaService } from '../../../packages/rpc/src/gen/xds/service/orca/v3/orca_pb.ts'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { InteropService } from '../service.ts'
import { type ServiceCall, StatusError } from '../service-call.ts'
import type { InteropServer, Listen } from './endpoint.ts'

function serviceCall(ctx: ServerContext): ServiceCall {
  return {
    metadata: (name) => [
      ...(name.endsWith('-bin') ? ctx.metadata.getAllBinary(name) : ctx.metadata.getAll(name)),
    ],
    header: (name, value) => {
      ctx.headers.append(name, value)
    },
    trailer: (name, value) => {
      ctx.trailers.append(name, value)
    },
    requestCompressed: () => ctx.requestCompressed,
    chooseGzip: () => {
      ctx.compress = true
      ctx.sendHeaders()
    },
    compressNext: (compressed) => {
      ctx.compress = compressed
    },
    signal: ctx.signal,
  }
}

function asRpcError(error: unknown): unknown {
  return error instanceof StatusError
    ? new RpcError(error.code as StatusCode, error.message)
    : error
}

async function one<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw asRpcError(error)
  }
}

async function* many<T>(responses: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* responses
  } catch (error) {
    throw asRpcError(error)
  }
}

export async function ourServer(listen: Listen, h2: 'native' | 'node'): Promise<InteropServer> {
  const service = new InteropService()
  const server = createServer({ h2, ...(listen.tls === undefined ? {} : { tls: listen.tls }) })
  server.add(TestService, {
    emptyCall: (_, ctx) =>
      one(() => {
        service.emptyCall(serviceCall(ctx))
        return {}
      }),
    unaryCall: (request, ctx) => one(() => service.unaryCall(request, serviceCall(ctx))),
    streamingOutputCall: (request, ctx) =>
      many(service.streamingOutputCall(request, serviceCall(ctx))),
    streamingInputCall: (requests, ctx) =>
      one(() => service.streamingInputCall(requests, serviceCall(ctx))),
    fullDuplexCall: (requests, ctx) => many(service.fullDuplexCall(requests, serviceCall(ctx))),
    halfDuplexCall: (requests, ctx) => many(service.halfDuplexCall(requests, serviceCall(ctx))),
  })
  server.add(OpenRcaService, {
    streamCoreMetrics: (request, ctx) => service.streamCoreMetrics(request, serviceCall(ctx)),
  })
  await server.listen(`${listen.host}:${listen.port}`)
  return server
}
