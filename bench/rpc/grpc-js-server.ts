/** grpc-js serving grpc.testing.BenchmarkService/UnaryCall: node grpc-js-server.ts --port N. */
import { parseArgs } from 'node:util'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js'
import {
  type SimpleRequest,
  SimpleRequestSchema,
  type SimpleResponse,
  SimpleResponseSchema,
} from '../../scripts/lib/gen/grpc/testing/messages_pb.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })
const server = new Server()
server.addService(
  {
    unaryCall: {
      path: '/grpc.testing.BenchmarkService/UnaryCall',
      requestStream: false,
      responseStream: false,
      requestSerialize: (request: SimpleRequest) =>
        Buffer.from(toBinary(SimpleRequestSchema, request)),
      requestDeserialize: (bytes) => fromBinary(SimpleRequestSchema, bytes),
      responseSerialize: (response: SimpleResponse) =>
        Buffer.from(toBinary(SimpleResponseSchema, response)),
      responseDeserialize: (bytes) => fromBinary(SimpleResponseSchema, bytes),
    },
  },
  {
    unaryCall: (
      call: ServerUnaryCall<SimpleRequest, SimpleResponse>,
      done: sendUnaryData<SimpleResponse>,
    ) => {
      const body = new Uint8Array(call.request.responseSize)
      done(null, create(SimpleResponseSchema, { payload: { body } }))
    },
  },
)
server.bindAsync(`127.0.0.1:${values.port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error
})
process.once('SIGTERM', () => server.forceShutdown())
