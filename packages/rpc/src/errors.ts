import { type ErrorTable, errorTable } from '@tidemill/core'
import type { StatusName } from './status.ts'

export type RpcStatusErrorCode = `TM_RPC_${Exclude<StatusName, 'OK'>}`

export type RpcErrorCode =
  | RpcStatusErrorCode
  | 'TM_RPC_METADATA'
  | 'TM_RPC_OPTION'
  | 'TM_RPC_SERVICE'
  | 'TM_RPC_LISTEN'
  | 'TM_RPC_STATE'

/** Errors of `@tidemill/rpc`. Those named like a gRPC status are thrown as `RpcError`. */
export const rpcErrors: ErrorTable<RpcErrorCode> = errorTable('rpc', {
  TM_RPC_CANCELLED: {
    message: 'the call was cancelled: {text}',
    hint: 'The caller, or the call that it belongs to, gave up; usually nothing is wrong.',
    zh: { message: '调用已取消：{text}', hint: '调用方或其所属的上级调用已放弃；通常不是故障。' },
    http: 499,
  },
  TM_RPC_UNKNOWN: {
    message: 'the call failed in an unknown way: {text}',
    hint: "The server's log has the cause: an error that a handler threw is not sent to clients.",
    zh: {
      message: '调用因未知原因失败：{text}',
      hint: '原因见服务端日志：处理函数抛出的错误不会发给客户端。',
    },
    http: 500,
  },
  TM_RPC_INVALID_ARGUMENT: {
    message: 'the server refuses the arguments: {text}',
    hint: 'Correct the request; sending it again unchanged will not help.',
    zh: { message: '服务端拒绝了请求参数：{text}', hint: '请修正请求；原样重发无济于事。' },
    http: 400,
  },
  TM_RPC_DEADLINE_EXCEEDED: {
    message: 'the deadline passed before the call was done: {text}',
    hint: 'The call may have run. Raise the deadline, or look where the time went.',
    zh: {
      message: '调用未能在期限内完成：{text}',
      hint: '该调用可能已执行。请延长期限，或查明耗时之处。',
    },
    http: 504,
  },
  TM_RPC_NOT_FOUND: {
    message: 'not found: {text}',
    hint: 'Look whether the thing that the request names exists.',
    zh: { message: '未找到：{text}', hint: '请检查请求所指的对象是否存在。' },
    http: 404,
  },
  TM_RPC_ALREADY_EXISTS: {
    message: 'it exists already: {text}',
    hint: 'Use the one that exists, or another name.',
    zh: { message: '对象已存在：{text}', hint: '请使用已有的对象，或换一个名称。' },
    http: 409,
  },
  TM_RPC_PERMISSION_DENIED: {
    message: 'not permitted: {text}',
    hint: 'The caller is known and may not do this.',
    zh: { message: '没有权限：{text}', hint: '调用方身份已知，但无权执行此操作。' },
    http: 403,
  },
  TM_RPC_RESOURCE_EXHAUSTED: {
    message: 'a limit is reached: {text}',
    hint: 'Send less or later; for a message that is too large raise maxReceive or maxSend.',
    zh: {
      message: '达到上限：{text}',
      hint: '请减少或推迟发送；若消息过大，请提高 maxReceive 或 maxSend。',
    },
    http: 429,
  },
  TM_RPC_FAILED_PRECONDITION: {
    message: 'the state does not allow this: {text}',
    hint: 'Bring the system into the state that the call needs, then call again.',
    zh: {
      message: '当前状态不允许此操作：{text}',
      hint: '请先使系统进入该调用所需的状态，再重新调用。',
    },
    http: 400,
  },
  TM_RPC_ABORTED: {
    message: 'aborted by a conflict: {text}',
    hint: 'Repeat the whole sequence of calls (read, then write), not this call alone.',
    zh: {
      message: '因冲突中止：{text}',
      hint: '请重做整个调用序列（先读后写），而不仅是这一次调用。',
    },
    http: 409,
  },
  TM_RPC_OUT_OF_RANGE: {
    message: 'out of range: {text}',
    hint: 'The request goes past what is there now.',
    zh: { message: '超出范围：{text}', hint: '请求超出了目前已有的范围。' },
    http: 400,
  },
  TM_RPC_UNIMPLEMENTED: {
    message: 'the server does not implement it: {text}',
    hint: 'Compare the service and method with those of the server: `tidemill rpc list` prints them.',
    zh: {
      message: '服务端未实现：{text}',
      hint: '请与服务端的服务和方法核对：`tidemill rpc list` 可列出。',
    },
    http: 501,
  },
  TM_RPC_INTERNAL: {
    message: 'the protocol or the peer is broken: {text}',
    hint: 'One side sends what gRPC does not allow; look at proxies between the two.',
    zh: {
      message: '协议或对端异常：{text}',
      hint: '某一方发送了 gRPC 不允许的内容；请检查两者之间的代理。',
    },
    http: 500,
  },
  TM_RPC_UNAVAILABLE: {
    message: 'the service is not available: {text}',
    hint: 'Look at outcome: only "unsent" is certain not to have run. Try again later.',
    zh: {
      message: '服务不可用：{text}',
      hint: '请看 outcome：只有 "unsent" 能确定未执行。请稍后重试。',
    },
    http: 503,
    retryable: true,
  },
  TM_RPC_DATA_LOSS: {
    message: 'data is lost or damaged: {text}',
    hint: 'It cannot be recovered by calling again.',
    zh: { message: '数据丢失或损坏：{text}', hint: '重新调用无法恢复。' },
    http: 500,
  },
  TM_RPC_UNAUTHENTICATED: {
    message: 'who calls is not known: {text}',
    hint: 'Send valid credentials.',
    zh: { message: '无法确认调用方身份：{text}', hint: '请发送有效的凭据。' },
    http: 401,
  },
  TM_RPC_METADATA: {
    message: 'metadata "{name}" cannot be sent: {reason}',
    hint: 'Names are a-z 0-9 _ . - and not grpc-*; values are printable ASCII, any bytes for names that end in -bin.',
    zh: {
      message: '元数据 "{name}" 无法发送：{reason}',
      hint: '名称只能含 a-z 0-9 _ . -，且不得以 grpc- 开头；值须为可打印 ASCII，以 -bin 结尾的名称可用任意字节。',
    },
    http: 500,
  },
  TM_RPC_OPTION: {
    message: 'option {name} must be {expected}, not {received}',
    hint: 'Look at the options tables in the README of @tidemill/rpc.',
    zh: {
      message: '选项 {name} 应为 {expected}，而不是 {received}',
      hint: '请查看 @tidemill/rpc 的 README 中的选项表。',
    },
    http: 500,
  },
  TM_RPC_SERVICE: {
    message: 'the service {service} cannot be added: {reason}',
    hint: 'Add each service once, with one function per method, before or after listen.',
    zh: {
      message: '无法添加服务 {service}：{reason}',
      hint: '每个服务只添加一次，每个方法对应一个函数。',
    },
    http: 500,
  },
  TM_RPC_LISTEN: {
    message: 'cannot listen on {address}: {reason}',
    hint: 'Choose a free port, or 0 for any; an address must be one of this machine.',
    zh: {
      message: '无法监听 {address}：{reason}',
      hint: '请选择空闲端口，或用 0 表示任意端口；地址必须属于本机。',
    },
    http: 500,
  },
  TM_RPC_STATE: {
    message: 'the call cannot {what} now: {state}',
    hint: 'Send headers before messages, messages before the end, and nothing after it.',
    zh: {
      message: '此调用现在不能 {what}：{state}',
      hint: '先发头部，再发消息，最后结束；结束之后不得再发。',
    },
    http: 500,
  },
})
