/** Cases of grpc-go's interop client that need no cloud, as its own interop_test.sh lists them. */
export const go = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
  'rpc_soak',
  'channel_soak',
  'orca_per_rpc',
  'orca_oob',
] as const

/** grpc-go's server fills no server_id, so this one is left to the servers that do. */
export const fillsServerId = ['pick_first_unary'] as const

/** Unknown to the Go programs; grpc-js does not tell whether a message came compressed. */
export const compressed = [
  'client_compressed_unary',
  'server_compressed_unary',
  'client_compressed_streaming',
  'server_compressed_streaming',
] as const

/** What concerns the protocol itself: all but soaks and load reports. */
export const plain = go.filter((name) => !name.endsWith('_soak') && !name.startsWith('orca_'))

export const soaks = ['rpc_soak', 'channel_soak'] as const
