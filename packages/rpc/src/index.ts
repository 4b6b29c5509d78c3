export { callStorage, type SurroundingCall } from './call-context.ts'
export type { CallOptions } from './client/call-options.ts'
export type {
  Channel,
  ChannelOptions,
  ChannelStats,
  ClientCallInfo,
  ClientInterceptor,
  RawMethodInfo,
} from './client/channel.ts'
export type { Call, Client, Responses } from './client/client.ts'
export { createChannel } from './client/create-channel.ts'
export { codecOf, type MessageCodec } from './codec/message-codec.ts'
export { type RpcErrorCode, rpcErrors } from './errors.ts'
export type { MethodKind } from './method.ts'
export type { FlowOptions } from './options.ts'
export { isRpcError, RpcError, type RpcErrorOptions, type RpcOutcome } from './rpc-error.ts'
export type { CancelReason, ServerContext } from './server/context.ts'
export { createServer } from './server/create-server.ts'
export type { Handlers } from './server/handlers.ts'
export type {
  ListenAddress,
  RawMethod,
  Server,
  ServerInterceptor,
  ServerKeepalive,
  ServerOptions,
  ServerStats,
} from './server/server.ts'
export { status, type StatusCode, type StatusName, statusName } from './status.ts'
export type {
  ClientTls,
  HeaderList,
  Peer,
  PeerCertificate,
  ServerTls,
  TransportName,
  TransportStats,
} from './transport/transport.ts'
export { Metadata, type MetadataInit, type MetadataValue } from './wire/metadata.ts'
export { failureName, rpcErrorOf, tidemillErrorOf } from './error-info.ts'
export { type Address, formatAddress } from './channel/address.ts'
export { backendMetrics, type BackendMetricsOptions } from './channel/backend-metrics.ts'
export { registerLoadBalancer } from './channel/balancer-registry.ts'
export type { CallOutcome } from './channel/call-outcome.ts'
export type { ChannelKeepalive, WaitOptions } from './channel/channel.ts'
export type { ChannelConnection } from './channel/channel-connection.ts'
export type { Connectivity } from './channel/connectivity.ts'
export { type ChannelErrorCode, channelErrors } from './channel/errors.ts'
export type { Balancer, BalancerHost, BalancerPolicy } from './channel/load-balancer.ts'
export type { MonitorListener, MonitorRequest } from './channel/monitor-stream.ts'
export type { CallTracker, PendingCall } from './channel/pending-call.ts'
export { failingPicker, type Picker, type PickFailure, waitingPicker } from './channel/picker.ts'
export { pickFirst } from './channel/pick-first.ts'
export type {
  Resolution,
  Resolver,
  ResolverContext,
  ResolverFactory,
  ResolverListener,
} from './channel/resolver.ts'
export { registerResolver } from './channel/resolver-registry.ts'
export { roundRobin } from './channel/round-robin.ts'
export type { Subchannel, SubchannelListener } from './channel/subchannel.ts'
export type { Target } from './channel/target.ts'
