import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { MethodInput, MethodOutputInit } from '../method.ts'
import type { ServerContext } from './context.ts'

type HandlerOf<M extends DescMethod> = M['methodKind'] extends 'unary'
  ? (
      request: MethodInput<M>,
      ctx: ServerContext,
    ) => Promise<MethodOutputInit<M>> | MethodOutputInit<M>
  : M['methodKind'] extends 'server_streaming'
    ? (request: MethodInput<M>, ctx: ServerContext) => AsyncIterable<MethodOutputInit<M>>
    : M['methodKind'] extends 'client_streaming'
      ? (
          requests: AsyncIterable<MethodInput<M>>,
          ctx: ServerContext,
        ) => Promise<MethodOutputInit<M>>
      : (
          requests: AsyncIterable<MethodInput<M>>,
          ctx: ServerContext,
        ) => AsyncIterable<MethodOutputInit<M>>

/** One function per method, named as in the generated code; a method without one answers UNIMPLEMENTED. */
export type Handlers<S extends DescService> = {
  readonly [K in keyof S['method']]?: HandlerOf<S['method'][K]>
}

export type UnaryHandler = (request: unknown, ctx: ServerContext) => unknown
export type StreamHandlerFunction = (
  requests: unknown,
  ctx: ServerContext,
) => AsyncIterable<unknown> | Promise<unknown>
