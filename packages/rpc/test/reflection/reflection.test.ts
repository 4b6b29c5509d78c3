import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { TidemillError } from '@tidemill/core'
import { BenchmarkService } from '../../../../scripts/lib/gen/grpc/testing/benchmark_service_pb.ts'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import {
  type Channel,
  createChannel,
  createServer,
  RpcError,
  type Server,
} from '../../src/index.ts'
import { OpenRcaService } from '../../src/gen/xds/service/orca/v3/orca_pb.ts'
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../src/gen/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as Alpha } from '../../src/gen/grpc/reflection/v1alpha/reflection_pb.ts'
import { addReflection, createReflectionClient } from '../../src/reflection/index.ts'
import { pairs, type Transports } from '../support/pair.ts'
import { corpusRegistry } from '../proto/descriptor-set.ts'

async function withServer(
  names: Transports,
  setUp: (server: Server) => void,
  run: (channel: Channel, server: Server) => Promise<void>,
): Promise<void> {
  const server = createServer({ h2: names.server })
  setUp(server)
  const { port } = await server.listen('127.0.0.1:0')
  const channel = createChannel(`127.0.0.1:${port}`, { h2: names.client })
  try {
    await run(channel, server)
  } finally {
    await channel.close()
    await server.close()
  }
}

type Question = ServerReflectionRequest['messageRequest']

async function ask(
  channel: Channel,
  ...questions: Question[]
): Promise<ServerReflectionResponse['messageResponse'][]> {
  const requests = questions.map((messageRequest) => ({ messageRequest }))
  const answers: ServerReflectionResponse['messageResponse'][] = []
  for await (const answer of channel.client(ServerReflection).serverReflectionInfo(requests)) {
    answers.push(answer.messageResponse)
  }
  return answers
}

function fileNames(answer: ServerReflectionResponse['messageResponse'] | undefined): string[] {
  assert.equal(answer?.case, 'fileDescriptorResponse')
  return answer.value.fileDescriptorProto.map(
    (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
  )
}

function code(expected: string, text?: RegExp) {
  return (error: unknown): boolean =>
    TidemillError.is(error) &&
    error.code === expected &&
    (text === undefined || text.test(error.message + (error.hint ?? '')))
}

function everything(server: Server): void {
  server.add(TestService, {}).add(OpenRcaService, {})
  addReflection(server, [...corpusRegistry().files])
}

for (const names of pairs) {
  describe(`server reflection, ${names.client} client and ${names.server} server`, () => {
    it('gives a client the types of every service, those added later too', async () => {
      await withServer(names, everything, async (channel, server) => {
        const reflection = createReflectionClient(channel)
        assert.deepEqual(await reflection.listServices(), [
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
          'grpc.testing.TestService',
          'xds.service.orca.v3.OpenRcaService',
        ])
        server.add(BenchmarkService, {})
        const registry = await reflection.registry()
        const service = registry.getService('grpc.testing.BenchmarkService')
        assert.deepEqual(Object.keys(service?.method ?? {}), Object.keys(BenchmarkService.method))
        assert.ok(registry.getMessage('google.protobuf.Duration'))
        assert.equal(
          (await reflection.method('grpc.testing.TestService/UnaryCall')).name,
          'UnaryCall',
        )
        assert.equal(
          (await reflection.method('grpc.testing.TestService.UnaryCall')).name,
          'UnaryCall',
        )
      })
    })

    it('names near methods for one that is not there', async () => {
      await withServer(names, everything, async (channel) => {
        const reflection = createReflectionClient(channel)
        await assert.rejects(
          reflection.method('grpc.testing.TestService/UnaryCal'),
          code('TM_RPC_SYMBOL_UNKNOWN', /TestService\/UnaryCall\?/u),
        )
        await assert.rejects(reflection.method('nothing'), code('TM_RPC_SYMBOL_UNKNOWN'))
        await assert.rejects(
          reflection.registry(['no.Such']),
          code('TM_RPC_REFLECTION', /no\.Such/u),
        )
      })
    })

    it('finds the symbols of a service that was added after a question', async () => {
      await withServer(
        names,
        (server) => addReflection(server),
        async (channel, server) => {
          const question = { case: 'fileContainingSymbol', value: TestService.typeName } as const
          const [before] = await ask(channel, question)
          assert.equal(before?.case, 'errorResponse')
          server.add(TestService, {})
          const [after] = await ask(channel, question)
          assert.ok(fileNames(after).includes(TestService.file.proto.name))
        },
      )
    })

    it('finds files by name, symbol and extension, with what they import', async () => {
      await withServer(names, everything, async (channel) => {
        const [orca, again, nested, value, extension, numbers, none] = await ask(
          channel,
          { case: 'fileByFilename', value: 'xds/service/orca/v3/orca.proto' },
          { case: 'fileByFilename', value: 'xds/service/orca/v3/orca.proto' },
          { case: 'fileContainingSymbol', value: '.tidemill.test.v3.Everything.Nested.Deep.level' },
          { case: 'fileContainingSymbol', value: 'tidemill.test.v2.CLOSED_FIVE' },
          {
            case: 'fileContainingExtension',
            value: {
              $typeName: 'grpc.reflection.v1.ExtensionRequest',
              containingType: 'tidemill.test.v2.Legacy',
              extensionNumber: 1001,
            },
          },
          { case: 'allExtensionNumbersOfType', value: 'tidemill.test.v2.Legacy' },
          { case: 'allExtensionNumbersOfType', value: 'tidemill.test.v3.Empty' },
        )
        assert.deepEqual(fileNames(orca), [
          'xds/service/orca/v3/orca.proto',
          'xds/data/orca/v3/orca_load_report.proto',
          'google/protobuf/duration.proto',
        ])
        assert.deepEqual(fileNames(again), ['xds/service/orca/v3/orca.proto'])
        assert.equal(fileNames(nested)[0], 'shop/proto3.proto')
        assert.equal(fileNames(value)[0], 'shop/proto2.proto')
        assert.equal(fileNames(extension)[0], 'shop/proto2.proto')
        assert.equal(numbers?.case, 'allExtensionNumbersResponse')
        assert.deepEqual(numbers.value.extensionNumber, [1000, 1001, 1002, 1003, 4000])
        assert.equal(none?.case, 'allExtensionNumbersResponse')
        assert.deepEqual(none.value.extensionNumber, [])
      })
    })

    it('answers what it does not know with NOT_FOUND and goes on', async () => {
      await withServer(names, everything, async (channel) => {
        const answers = await ask(
          channel,
          { case: 'fileByFilename', value: 'no.proto' },
          { case: 'fileContainingSymbol', value: 'no.Such' },
          { case: 'allExtensionNumbersOfType', value: 'no.Such' },
          { case: undefined },
          { case: 'listServices', value: '' },
        )
        const codes = answers.map((at) =>
          at.case === 'errorResponse' ? at.value.errorCode : at.case,
        )
        assert.deepEqual(codes, [5, 5, 5, 3, 'listServicesResponse'])
      })
    })
  })

  describe(`a reflection client, ${names.client} client and ${names.server} server`, () => {
    it('falls back to v1alpha', async () => {
      const setUp = (server: Server): void => {
        server.add(Alpha, {
          async *serverReflectionInfo(requests) {
            for await (const _ of requests) {
              yield {
                messageResponse: {
                  case: 'listServicesResponse',
                  value: { service: [{ name: 'a.B' }] },
                },
              }
            }
          },
        })
      }
      await withServer(names, setUp, async (channel) => {
        assert.deepEqual(await createReflectionClient(channel).listServices(), ['a.B'])
      })
    })

    it('refuses bytes that are no descriptors, files that were not asked for, and other answers', async () => {
      const answers: ServerReflectionResponse['messageResponse'][] = []
      const setUp = (server: Server): void => {
        server.add(ServerReflection, {
          async *serverReflectionInfo(requests) {
            for await (const _ of requests) {
              const messageResponse = answers.shift()
              if (messageResponse === undefined) throw new RpcError('ABORTED', 'no more')
              yield { messageResponse }
            }
          },
        })
      }
      await withServer(names, setUp, async (channel) => {
        const reflection = createReflectionClient(channel)
        const file = (bytes: Uint8Array): ServerReflectionResponse['messageResponse'] => ({
          case: 'fileDescriptorResponse',
          value: {
            $typeName: 'grpc.reflection.v1.FileDescriptorResponse',
            fileDescriptorProto: [bytes],
          },
        })
        answers.push(file(Buffer.from([0xff])))
        await assert.rejects(reflection.registry(['a.B']), code('TM_RPC_REFLECTION', /not a file/u))
        // A file called "a" that imports "b", which the server then does not give.
        answers.push(file(Buffer.from('\n\u0001a\u001a\u0001b')), file(Buffer.from('\n\u0001c')))
        await assert.rejects(
          reflection.registry(['a.B']),
          code('TM_RPC_REFLECTION', /other files/u),
        )
        // One that imports itself.
        answers.push(file(Buffer.from('\n\u0001a\u001a\u0001a')))
        await assert.rejects(
          reflection.registry(['a.B']),
          code('TM_RPC_REFLECTION', /fit together/u),
        )
        answers.push({ case: undefined })
        await assert.rejects(reflection.listServices(), code('TM_RPC_REFLECTION', /nothing/u))
        await assert.rejects(reflection.listServices(), code('TM_RPC_ABORTED'))
      })
    })
  })
}
