import type { DescFile } from '@bufbuild/protobuf'
import {
  ServerReflection as ServerReflectionV1,
  type ServerReflectionRequest as RequestV1,
} from '../gen/grpc/reflection/v1/reflection_pb.ts'
import {
  ServerReflection as ServerReflectionV1Alpha,
  type ServerReflectionRequest as RequestV1Alpha,
} from '../gen/grpc/reflection/v1alpha/reflection_pb.ts'
import type { Server } from '../server/server.ts'
import { status } from '../status.ts'
import { SymbolIndex } from './symbol-index.ts'

type Question = (RequestV1 | RequestV1Alpha)['messageRequest']

/** The part of an answer that both versions of the protocol have alike. */
type Answer =
  | {
      readonly case: 'fileDescriptorResponse'
      readonly value: { readonly fileDescriptorProto: Uint8Array[] }
    }
  | {
      readonly case: 'allExtensionNumbersResponse'
      readonly value: { readonly baseTypeName: string; readonly extensionNumber: number[] }
    }
  | {
      readonly case: 'listServicesResponse'
      readonly value: { readonly service: { readonly name: string }[] }
    }
  | {
      readonly case: 'errorResponse'
      readonly value: { readonly errorCode: number; readonly errorMessage: string }
    }

/** Answers the questions of one stream. */
class Reflection {
  readonly #server: Server
  readonly #files: readonly DescFile[]
  #index: SymbolIndex | undefined = undefined
  #services = 0

  constructor(server: Server, files: readonly DescFile[]) {
    this.#server = server
    this.#files = files
  }

  /** `sent` holds the names of files that went out on this stream; they are not sent again. */
  answer(question: Question, sent: Set<string>): Answer {
    switch (question.case) {
      case 'listServices': {
        const names = this.#server.services.map((service) => service.typeName).toSorted()
        return { case: 'listServicesResponse', value: { service: names.map((name) => ({ name })) } }
      }
      case 'fileByFilename':
        return fileAnswer(
          this.#symbols(),
          this.#symbols().file(question.value),
          sent,
          question.value,
        )
      case 'fileContainingSymbol':
        return fileAnswer(
          this.#symbols(),
          this.#symbols().symbol(question.value),
          sent,
          question.value,
        )
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = question.value
        const file = this.#symbols().extension(containingType, extensionNumber)
        return fileAnswer(
          this.#symbols(),
          file,
          sent,
          `extension ${extensionNumber} of ${containingType}`,
        )
      }
      case 'allExtensionNumbersOfType': {
        const numbers = this.#symbols().extensionNumbers(question.value)
        if (numbers === undefined) return notFound(question.value)
        const value = { baseTypeName: question.value, extensionNumber: [...numbers] }
        return { case: 'allExtensionNumbersResponse', value }
      }
      case undefined:
        return failure(status.INVALID_ARGUMENT, 'the request asks for nothing')
      default:
        return question satisfies never
    }
  }

  /** Made again when services were added since. */
  #symbols(): SymbolIndex {
    const { services } = this.#server
    if (this.#index === undefined || this.#services !== services.length) {
      this.#index = new SymbolIndex(services, this.#files)
      this.#services = services.length
    }
    return this.#index
  }
}

function fileAnswer(
  index: SymbolIndex,
  file: DescFile | undefined,
  sent: Set<string>,
  asked: string,
): Answer {
  if (file === undefined) return notFound(asked)
  const fileDescriptorProto: Uint8Array[] = []
  for (const [name, bytes] of index.closure(file)) {
    // The file that was asked for goes out again: the answer must not be empty.
    if (sent.has(name) && name !== file.proto.name) continue
    sent.add(name)
    fileDescriptorProto.push(bytes)
  }
  return {
    case: 'fileDescriptorResponse',
    value: { fileDescriptorProto: fileDescriptorProto.toReversed() },
  }
}

function notFound(asked: string): Answer {
  return failure(status.NOT_FOUND, `not found: ${asked}`)
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } }
}

/**
 * Serves reflection v1 and v1alpha on a server: its services, whenever they were added, and everything that they
 * import. Files that no service imports (for example of extensions) can be given.
 */
export function addReflection(server: Server, extraFiles: readonly DescFile[] = []): void {
  const reflection = new Reflection(server, extraFiles)
  server.add(ServerReflectionV1, {
    async *serverReflectionInfo(requests) {
      const sent = new Set<string>()
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: reflection.answer(request.messageRequest, sent),
        }
      }
    },
  })
  server.add(ServerReflectionV1Alpha, {
    async *serverReflectionInfo(requests) {
      const sent = new Set<string>()
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: reflection.answer(request.messageRequest, sent),
        }
      }
    },
  })
}
