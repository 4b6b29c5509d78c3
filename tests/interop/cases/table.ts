import type { Caller } from '../caller.ts'
import {
  clientStreaming,
  emptyStream,
  emptyUnary,
  largeUnary,
  pickFirstUnary,
  pingPong,
  serverStreaming,
} from './basic.ts'
import {
  clientCompressedStreaming,
  clientCompressedUnary,
  serverCompressedStreaming,
  serverCompressedUnary,
} from './compressed.ts'
import {
  cancelAfterBegin,
  cancelAfterFirstResponse,
  customMetadata,
  specialStatusMessage,
  statusCodeAndMessage,
  timeoutOnSleepingServer,
  unimplementedMethod,
  unimplementedService,
} from './ending.ts'
import { orcaOob, orcaPerRpc } from './orca.ts'
import { channelSoak, rpcSoak, type SoakOptions } from './soak.ts'

export interface CaseContext {
  readonly caller: Caller
  /** One more channel to the same server. */
  readonly connect: () => Caller
  readonly soak: SoakOptions
}

type Case = (context: CaseContext) => Promise<void>

const on =
  (run: (caller: Caller) => Promise<void>): Case =>
  ({ caller }) =>
    run(caller)

/** As the interoperability suite names them. */
export const cases: Readonly<Record<string, Case>> = {
  empty_unary: on(emptyUnary),
  large_unary: on(largeUnary),
  client_streaming: on(clientStreaming),
  server_streaming: on(serverStreaming),
  ping_pong: on(pingPong),
  empty_stream: on(emptyStream),
  timeout_on_sleeping_server: on(timeoutOnSleepingServer),
  cancel_after_begin: on(cancelAfterBegin),
  cancel_after_first_response: on(cancelAfterFirstResponse),
  status_code_and_message: on(statusCodeAndMessage),
  special_status_message: on(specialStatusMessage),
  custom_metadata: on(customMetadata),
  unimplemented_method: on(unimplementedMethod),
  unimplemented_service: on(unimplementedService),
  rpc_soak: ({ caller, soak }) => rpcSoak(caller, soak),
  channel_soak: ({ connect, soak }) => channelSoak(connect, soak),
  orca_per_rpc: on(orcaPerRpc),
  orca_oob: on(orcaOob),
  pick_first_unary: on(pickFirstUnary),
  client_compressed_unary: on(clientCompressedUnary),
  server_compressed_unary: on(serverCompressedUnary),
  client_compressed_streaming: on(clientCompressedStreaming),
  server_compressed_streaming: on(serverCompressedStreaming),
}
