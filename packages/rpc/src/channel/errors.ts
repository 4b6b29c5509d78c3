import { type ErrorTable, errorTable } from '@tidemill/core'

export type ChannelErrorCode = 'TM_RPC_SERVICE_CONFIG' | 'TM_RPC_TARGET'

/** Errors of making a channel, all of them the caller's; how calls fail is a gRPC status. */
export const channelErrors: ErrorTable<ChannelErrorCode> = errorTable('rpc', {
  TM_RPC_SERVICE_CONFIG: {
    message: 'the service config has {count} problems, the first: {first}',
    hint: 'Correct each entry of details.problems; its path is a JSON pointer into the config.',
    zh: {
      message: '服务配置有 {count} 处问题，第一处：{first}',
      hint: '请逐条修正 details.problems；其 path 是配置内的 JSON 指针。',
    },
    http: 400,
  },
  TM_RPC_TARGET: {
    message: 'not a target for a channel: "{target}": {reason}',
    hint: 'Write host:port, dns:///host:port, ipv4:10.0.0.1:80, ipv6:[::1]:80, unix:path or static:a:1,b:2.',
    zh: {
      message: '不是合法的通道目标："{target}"：{reason}',
      hint: '请写 host:port、dns:///host:port、ipv4:10.0.0.1:80、ipv6:[::1]:80、unix:path 或 static:a:1,b:2。',
    },
    http: 400,
  },
})
