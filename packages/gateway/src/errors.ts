import { type ErrorTable, errorTable } from '@tidemill/core'

export type GatewayErrorCode =
  | 'TM_GATEWAY_BREAKER_INVALID'
  | 'TM_GATEWAY_ROUTE_INVALID'
  | 'TM_GATEWAY_POLICY_INVALID'
  | 'TM_GATEWAY_BACKENDS_INVALID'
  | 'TM_GATEWAY_LISTEN'
  | 'TM_GATEWAY_BAD_REQUEST'
  | 'TM_GATEWAY_NO_ROUTE'
  | 'TM_GATEWAY_METHOD'
  | 'TM_GATEWAY_CLIENT_TIMEOUT'
  | 'TM_GATEWAY_BODY_TOO_LARGE'
  | 'TM_GATEWAY_URI_TOO_LONG'
  | 'TM_GATEWAY_EXPECTATION'
  | 'TM_GATEWAY_HEADERS_TOO_LARGE'
  | 'TM_GATEWAY_BACKEND_INVALID'
  | 'TM_GATEWAY_CODING'
  | 'TM_GATEWAY_CLOSED'
  | 'TM_GATEWAY_UPSTREAM'
  | 'TM_GATEWAY_BREAKER_OPEN'
  | 'TM_GATEWAY_NO_ENDPOINT'
  | 'TM_GATEWAY_OVERLOADED'
  | 'TM_GATEWAY_TIMEOUT'
  | 'TM_GATEWAY_VERSION'
  | 'TM_GATEWAY_LOOP'

/** Errors of `@tidemill/gateway`: what its functions throw and what it answers to clients by itself. */
export const gatewayErrors: ErrorTable<GatewayErrorCode> = errorTable('gateway', {
  TM_GATEWAY_BREAKER_INVALID: {
    message: 'the breaker settings are not valid',
    hint: 'Correct every problem listed in the details, each at its path.',
    zh: { message: '熔断器设置无效', hint: '请按路径逐一修正 details 中列出的问题。' },
    http: 400,
  },
  TM_GATEWAY_ROUTE_INVALID: {
    message: 'the route "{route}" is not valid',
    hint: 'Correct every problem listed in the details, each at its path.',
    zh: { message: '路由 "{route}" 无效', hint: '请按路径逐一修正 details 中列出的问题。' },
    http: 422,
  },
  TM_GATEWAY_POLICY_INVALID: {
    message: 'the policy "{policy}" is not valid',
    hint: 'Correct every problem listed in the details, each at its path.',
    zh: { message: '策略 "{policy}" 无效', hint: '请按路径逐一修正 details 中列出的问题。' },
    http: 422,
  },
  TM_GATEWAY_BACKENDS_INVALID: {
    message: 'the backends are not valid',
    hint: 'Name each backend namespace/service and give it http:// URLs without path, query or user.',
    zh: {
      message: '后端设置无效',
      hint: '后端名写作 namespace/service，地址写作不带路径、查询和用户的 http:// URL。',
    },
    http: 400,
  },
  TM_GATEWAY_LISTEN: {
    message: 'cannot listen on {host}:{port}: {reason}',
    hint: 'Free the port, choose another, or use port 0 for any free one.',
    zh: {
      message: '无法监听 {host}:{port}：{reason}',
      hint: '请释放该端口，改用其他端口，或用端口 0 任选空闲端口。',
    },
    http: 503,
  },
  TM_GATEWAY_BAD_REQUEST: {
    message: 'the request is not well formed: {reason}',
    hint: 'Send a request that follows RFC 9110 and RFC 9112.',
    zh: { message: '请求格式不正确：{reason}', hint: '请发送符合 RFC 9110 与 RFC 9112 的请求。' },
    http: 400,
  },
  TM_GATEWAY_NO_ROUTE: {
    message: 'no route matches {method} {path}',
    hint: 'Ask the gateway to explain the request: it names the failing condition of every route.',
    zh: {
      message: '没有匹配 {method} {path} 的路由',
      hint: '可让网关解释该请求：它会指出每条路由未满足的条件。',
    },
    http: 404,
  },
  TM_GATEWAY_METHOD: {
    message: 'the method {method} is not served here',
    hint: 'Use another method; TRACE and CONNECT are refused.',
    zh: { message: '此处不支持方法 {method}', hint: '请改用其他方法；TRACE 与 CONNECT 会被拒绝。' },
    http: 405,
  },
  TM_GATEWAY_CLIENT_TIMEOUT: {
    message: 'the request did not arrive in time',
    hint: 'Send the whole request without long pauses.',
    zh: { message: '请求未能按时到达', hint: '请连续发送完整请求，不要长时间停顿。' },
    http: 408,
    retryable: true,
  },
  TM_GATEWAY_BODY_TOO_LARGE: {
    message: 'the request body is larger than {limit} bytes',
    hint: 'Send less at once, or raise maxBodyBytes.',
    zh: { message: '请求体超过 {limit} 字节', hint: '请减小单次发送量，或提高 maxBodyBytes。' },
    http: 413,
  },
  TM_GATEWAY_URI_TOO_LONG: {
    message: 'the request target is longer than {limit} bytes',
    hint: 'Move data from the URL into the body.',
    zh: { message: '请求目标超过 {limit} 字节', hint: '请把数据从 URL 移到请求体中。' },
    http: 414,
  },
  TM_GATEWAY_EXPECTATION: {
    message: 'the expectation is not supported',
    hint: 'Send only Expect: 100-continue, or leave the header out.',
    zh: { message: '不支持该 Expect', hint: '请只发送 Expect: 100-continue，或去掉该头。' },
    http: 417,
  },
  TM_GATEWAY_HEADERS_TOO_LARGE: {
    message: 'the request has too many or too long header fields',
    hint: 'Send at most 100 fields in at most 16 KiB.',
    zh: { message: '请求头过多或过长', hint: '请最多发送 100 个头，合计不超过 16 KiB。' },
    http: 431,
  },
  TM_GATEWAY_BACKEND_INVALID: {
    message: 'the route {route} cannot forward this request: {reason}',
    hint: 'Look at the status of the route, correct its backends or filters, or register the backend.',
    zh: {
      message: '路由 {route} 无法转发该请求：{reason}',
      hint: '请查看路由状态，修正其后端或过滤器，或注册该后端。',
    },
    http: 500,
  },
  TM_GATEWAY_CODING: {
    message: 'the transfer coding is not supported',
    hint: 'Send the body with Content-Length or with Transfer-Encoding: chunked alone.',
    zh: {
      message: '不支持该传输编码',
      hint: '请用 Content-Length 或仅用 Transfer-Encoding: chunked 发送请求体。',
    },
    http: 501,
  },
  TM_GATEWAY_CLOSED: {
    message: 'the gateway is closed; a change under way may be stored or not',
    hint: 'Look in kv; a gateway that opens takes up what lies there.',
    zh: {
      message: '网关已关闭；进行中的变更可能已存储，也可能没有',
      hint: '请查看 kv；网关打开时会读取其中的内容。',
    },
    http: 503,
  },
  TM_GATEWAY_UPSTREAM: {
    message: 'the upstream of route {route} failed: {reason}',
    hint: 'Look at the upstream service; whether it handled the request is not known.',
    zh: {
      message: '路由 {route} 的上游失败：{reason}',
      hint: '请检查上游服务；该请求是否已被处理无从得知。',
    },
    http: 502,
    retryable: true,
  },
  TM_GATEWAY_BREAKER_OPEN: {
    message: 'the breaker of route {route} is open',
    hint: 'Wait for the time in Retry-After; the upstream has been failing.',
    zh: {
      message: '路由 {route} 的熔断器已打开',
      hint: '上游持续失败，请按 Retry-After 等待后重试。',
    },
    http: 503,
    retryable: true,
  },
  TM_GATEWAY_NO_ENDPOINT: {
    message: 'the upstream of route {route} has no endpoint',
    hint: 'Start the service or register its address.',
    zh: { message: '路由 {route} 的上游没有可用地址', hint: '请启动该服务或注册其地址。' },
    http: 503,
    retryable: true,
  },
  TM_GATEWAY_OVERLOADED: {
    message: 'the upstream of route {route} has {limit} requests in flight already',
    hint: 'Retry later, or raise maxActivePerUpstream.',
    zh: {
      message: '路由 {route} 的上游已有 {limit} 个进行中的请求',
      hint: '请稍后重试，或提高 maxActivePerUpstream。',
    },
    http: 503,
    retryable: true,
  },
  TM_GATEWAY_TIMEOUT: {
    message: 'the upstream of route {route} did not answer within {ms} ms',
    hint: 'Look at the upstream service, or raise the timeout; whether it handled the request is not known.',
    zh: {
      message: '路由 {route} 的上游未在 {ms} 毫秒内应答',
      hint: '请检查上游服务或延长超时；该请求是否已被处理无从得知。',
    },
    http: 504,
    retryable: true,
  },
  TM_GATEWAY_VERSION: {
    message: 'the HTTP version {version} is not supported',
    hint: 'Use HTTP/1.1 or HTTP/1.0.',
    zh: { message: '不支持 HTTP 版本 {version}', hint: '请使用 HTTP/1.1 或 HTTP/1.0。' },
    http: 505,
  },
  TM_GATEWAY_LOOP: {
    message: 'the request has passed this gateway before',
    hint: 'Find the backend that points back at the gateway.',
    zh: { message: '该请求已经过本网关', hint: '请找出又指回网关的后端。' },
    http: 508,
  },
})
