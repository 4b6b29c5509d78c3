/** grpc-js calling BenchmarkService/UnaryCall in a closed loop; prints a LoadResult. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, credentials } from '@grpc/grpc-js'
import {
  type SimpleRequest,
  SimpleRequestSchema,
  type SimpleResponse,
  SimpleResponseSchema,
} from '../../scripts/lib/gen/grpc/testing/messages_pb.ts'
import { load, readLoadOptions } from './load.ts'

const options = readLoadOptions()
const client = new Client(`${options.host}:${options.port}`, credentials.createInsecure())
const payload = { body: new Uint8Array(options.requestSize) }
const { responseSize } = options

function unaryCall(request: SimpleRequest): Promise<SimpleResponse> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/grpc.testing.BenchmarkService/UnaryCall',
      (message: SimpleRequest) => Buffer.from(toBinary(SimpleRequestSchema, message)),
      (bytes) => fromBinary(SimpleResponseSchema, bytes),
      request,
      (error, response) => {
        if (error !== null) reject(error)
        else if (response !== undefined) resolve(response)
      },
    )
  })
}

const result = await load(options, () =>
  unaryCall(create(SimpleRequestSchema, { payload, responseSize })),
)
console.log(JSON.stringify(result))
client.close()
