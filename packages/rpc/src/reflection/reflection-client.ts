import { type DescMethod, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { CallOptions } from '../client/call-options.ts'
import type { Channel } from '../client/channel.ts'
import {
  ServerReflection as ServerReflectionV1,
  type ServerReflectionResponse as ResponseV1,
} from '../gen/grpc/reflection/v1/reflection_pb.ts'
import {
  ServerReflection as ServerReflectionV1Alpha,
  type ServerReflectionResponse as ResponseV1Alpha,
} from '../gen/grpc/reflection/v1alpha/reflection_pb.ts'
import { protoErrors } from '../proto/errors.ts'
import { findMethod } from '../proto/find-method.ts'
import { registryOf } from '../proto/registry-of.ts'
import { wellKnownFile } from '../proto/well-known.ts'
import { isRpcError } from '../rpc-error.ts'
import { status } from '../status.ts'

/** The questions that this client asks, the same in both versions. */
interface Question {
  readonly case: 'listServices' | 'fileByFilename' | 'fileContainingSymbol'
  readonly value: string
}
type Answer = (ResponseV1 | ResponseV1Alpha)['messageResponse']
type Client = Pick<Channel, 'client'>

/** Files that a server may make a client fetch; a server that names more is not honest. */
const mostFiles = 10_000

/** Asks a server what it serves, by reflection v1 or, where it does not have that, v1alpha. */
export interface ReflectionClient {
  /** Full names of the services, in the server's order. */
  listServices(): Promise<string[]>
  /**
   * The types of the given symbols (services, messages; default all services) and all that they need. Throws
   * TM_RPC_REFLECTION for a symbol that the server does not know, and for descriptors that do not fit together.
   */
  registry(symbols?: readonly string[]): Promise<FileRegistry>
  /** The method called `pkg.Service/Method` or `pkg.Service.Method`; TM_RPC_SYMBOL_UNKNOWN names similar ones. */
  method(name: string): Promise<DescMethod>
}

/** Reflection over a channel; `options` are those of each call that it makes. */
export function createReflectionClient(channel: Client, options?: CallOptions): ReflectionClient {
  return new RemoteReflection(channel, options)
}

class RemoteReflection implements ReflectionClient {
  readonly #channel: Client
  readonly #options: CallOptions | undefined
  #alpha = false

  constructor(channel: Client, options: CallOptions | undefined) {
    this.#channel = channel
    this.#options = options
  }

  async listServices(): Promise<string[]> {
    const answer = await this.#ask({ case: 'listServices', value: '*' })
    if (answer.case !== 'listServicesResponse') throw refused('its services', answer)
    return answer.value.service.map((service) => service.name)
  }

  async registry(symbols?: readonly string[]): Promise<FileRegistry> {
    const files = new Map<string, FileDescriptorProto>()
    for (const symbol of symbols ?? (await this.listServices())) {
      await this.#fetch(files, { case: 'fileContainingSymbol', value: symbol }, symbol)
    }
    // A server may send the asked file alone: what it imports is asked for by name.
    for (let missing = missingFrom(files); missing !== undefined; missing = missingFrom(files)) {
      await this.#fetchFile(files, missing)
    }
    try {
      return registryOf([...files.values()])
    } catch (cause) {
      const reason = `its descriptors do not fit together (${String(cause)})`
      throw protoErrors.error('TM_RPC_REFLECTION', { subject: 'its types', reason }, { cause })
    }
  }

  async method(name: string): Promise<DescMethod> {
    const services = await this.listServices()
    const service = services.find((at) => name.startsWith(`${at}/`) || name.startsWith(`${at}.`))
    return findMethod(await this.registry(service === undefined ? services : [service]), name)
  }

  async #fetchFile(files: Map<string, FileDescriptorProto>, name: string): Promise<void> {
    if (files.size > mostFiles) {
      const reason = `it has more than ${mostFiles} files`
      throw protoErrors.error('TM_RPC_REFLECTION', { subject: 'its types', reason })
    }
    const own = wellKnownFile(name)
    if (own === undefined) await this.#fetch(files, { case: 'fileByFilename', value: name }, name)
    else files.set(name, own)
    if (!files.has(name)) {
      const reason = 'it answered with other files'
      throw protoErrors.error('TM_RPC_REFLECTION', { subject: `"${name}"`, reason })
    }
  }

  async #fetch(
    files: Map<string, FileDescriptorProto>,
    question: Question,
    asked: string,
  ): Promise<void> {
    const answer = await this.#ask(question)
    if (answer.case !== 'fileDescriptorResponse') throw refused(`"${asked}"`, answer)
    for (const bytes of answer.value.fileDescriptorProto) {
      let file: FileDescriptorProto
      try {
        file = fromBinary(FileDescriptorProtoSchema, bytes)
      } catch (cause) {
        const reason = 'it sent bytes that are not a file descriptor'
        throw protoErrors.error('TM_RPC_REFLECTION', { subject: `"${asked}"`, reason }, { cause })
      }
      if (!files.has(file.name)) files.set(file.name, file)
    }
  }

  /** One question per call: every server understands that, and none keeps a stream open for us. */
  async #ask(question: Question): Promise<Answer> {
    if (!this.#alpha) {
      try {
        const client = this.#channel.client(ServerReflectionV1)
        return await first(
          client.serverReflectionInfo([{ messageRequest: question }], this.#options),
        )
      } catch (error) {
        if (!isRpcError(error) || error.status !== status.UNIMPLEMENTED) throw error
        this.#alpha = true
      }
    }
    const client = this.#channel.client(ServerReflectionV1Alpha)
    return first(client.serverReflectionInfo([{ messageRequest: question }], this.#options))
  }
}

async function first(responses: AsyncIterable<ResponseV1 | ResponseV1Alpha>): Promise<Answer> {
  let answer: Answer | undefined
  // To the end of the stream, so that its status counts.
  for await (const response of responses) answer ??= response.messageResponse
  return answer ?? { case: undefined }
}

function refused(subject: string, answer: Answer): Error {
  const reason =
    answer.case === 'errorResponse'
      ? answer.value.errorMessage
      : `it answered with ${answer.case ?? 'nothing'}`
  return protoErrors.error('TM_RPC_REFLECTION', { subject, reason })
}

function missingFrom(files: ReadonlyMap<string, FileDescriptorProto>): string | undefined {
  for (const file of files.values()) {
    for (const name of file.dependency) if (!files.has(name)) return name
  }
  return undefined
}
