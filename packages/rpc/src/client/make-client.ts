import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { CallOptions } from './call-options.ts'
import type { ClientCore, ClientMethod } from './call-setup.ts'
import type { ClientCallInfo, ClientInterceptor } from './channel.ts'
import { CallResponses, sendAll } from './responses.ts'
import { StreamCall } from './stream-call.ts'
import { UnaryCall } from './unary-call.ts'

type CallFunction = (request: unknown, options?: CallOptions) => unknown

/** The functions of a service's client. */
export function makeClient(
  core: ClientCore,
  service: DescService,
  method: (desc: DescMethod) => ClientMethod,
  interceptors: readonly ClientInterceptor[],
): Readonly<Record<string, CallFunction>> {
  const client: Record<string, CallFunction> = {}
  for (const [name, desc] of Object.entries(
    service.method as Readonly<Record<string, DescMethod>>,
  )) {
    client[name] = intercepted(callFunction(core, method(desc)), method(desc), interceptors)
  }
  return client
}

function intercepted(
  call: CallFunction,
  { method }: ClientMethod,
  interceptors: readonly ClientInterceptor[],
): CallFunction {
  if (interceptors.length === 0) return call
  const { kind, path } = method
  const run = interceptors.reduceRight<(info: ClientCallInfo) => unknown>(
    (next, interceptor) => (info) => interceptor(info, next),
    ({ options, request }) => call(request, options),
  )
  return (request, options) => run({ path, kind, request, options })
}

/** How a method is called; by its kind. */
export function callFunction(core: ClientCore, method: ClientMethod): CallFunction {
  switch (method.method.kind) {
    case 'unary':
      return (request, options) => unaryCall(core, method, request, options)
    case 'server_streaming':
      return (request, options) => {
        const call = new StreamCall(core, method, options)
        call.sendLast(request)
        return new CallResponses(call)
      }
    case 'client_streaming':
      return (requests, options) => {
        const call = new StreamCall(core, method, options)
        void sendAll(call, requests as AsyncIterable<unknown>)
        return single(call)
      }
    case 'bidi_streaming':
      return (requests, options) => {
        const call = new StreamCall(core, method, options)
        void sendAll(call, requests as AsyncIterable<unknown>)
        return new CallResponses(call)
      }
    default:
      return method.method.kind satisfies never
  }
}

/** One request, one response; over several attempts when the method has a policy. */
export function unaryCall(
  core: ClientCore,
  method: ClientMethod,
  request: unknown,
  options: CallOptions | undefined,
): Promise<unknown> {
  const config = core.provider.config(method.method.path)
  if (config.retry === undefined && config.hedging === undefined) {
    return new UnaryCall(core, method, request, options).promise
  }
  const call = new StreamCall(core, method, options)
  try {
    call.sendLast(request)
  } catch (error) {
    return Promise.reject(error)
  }
  return single(call)
}

/** The one response of a call, once its status is OK. */
async function single(call: StreamCall): Promise<unknown> {
  const message = await call.receive()
  await call.receive()
  return message
}
