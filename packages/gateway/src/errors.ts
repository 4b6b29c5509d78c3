import { type ErrorTable, errorTable } from '@tidemill/core'

export type GatewayErrorCode =
  | 'TM_GATEWAY_BREAKER_INVALID'
  | 'TM_GATEWAY_ROUTE_INVALID'
  | 'TM_GATEWAY_MANIFEST'
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
  | 'TM_GATEWAY_MISDIRECTED'
  | 'TM_GATEWAY_METHOD_UNKNOWN'
  | 'TM_GATEWAY_INTERNAL'
  | 'TM_GATEWAY_UNAUTHENTICATED'
  | 'TM_GATEWAY_FORBIDDEN'
  | 'TM_GATEWAY_AUTH_UNAVAILABLE'
  | 'TM_GATEWAY_ACCESS_LOG'
  | 'TM_GATEWAY_LIMIT_INVALID'
  | 'TM_GATEWAY_CONCURRENCY_INVALID'
  | 'TM_GATEWAY_LIMITED'
  | 'TM_GATEWAY_SHED'
  | 'TM_GATEWAY_SLO'
  | 'TM_GATEWAY_ALERTS_INVALID'
  | 'TM_GATEWAY_WORKER_START'
  | 'TM_GATEWAY_WORKER_LOST'
  | 'TM_GATEWAY_ADMIN_TOKEN'
  | 'TM_GATEWAY_ADMIN_PATH'
  | 'TM_GATEWAY_ADMIN_BODY'
  | 'TM_GATEWAY_OBJECT_UNKNOWN'
  | 'TM_GATEWAY_OBJECT_INVALID'
  | 'TM_GATEWAY_OBJECT_CHANGED'
  | 'TM_GATEWAY_OBJECT_UNCONDITIONAL'
  | 'TM_GATEWAY_OBJECT_OF_FILE'
  | 'TM_GATEWAY_BREAKER_UNKNOWN'

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
  TM_GATEWAY_MANIFEST: {
    message: 'the manifest "{path}" cannot be read: {reason}',
    hint: 'Name a file of YAML or JSON manifests, or a folder with such files.',
    zh: {
      message: '无法读取清单 "{path}"：{reason}',
      hint: '请给出 YAML 或 JSON 清单文件，或含有此类文件的目录。',
    },
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
  TM_GATEWAY_MISDIRECTED: {
    message: 'the host {host} is not served on this connection',
    hint: 'Open a new connection whose TLS server name is the host that you ask for.',
    zh: {
      message: '此连接不提供主机 {host}',
      hint: '请新建连接，并使 TLS 服务器名与所请求的主机一致。',
    },
    http: 421,
    retryable: true,
  },
  TM_GATEWAY_METHOD_UNKNOWN: {
    message: 'the request method is not known',
    hint: 'Use GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS, in capitals.',
    zh: {
      message: '未知的请求方法',
      hint: '请使用大写的 GET、HEAD、POST、PUT、DELETE、PATCH 或 OPTIONS。',
    },
    http: 501,
  },
  TM_GATEWAY_INTERNAL: {
    message: 'the gateway failed to handle the request',
    hint: 'Look for the request id in the log of the gateway and report what it says.',
    zh: { message: '网关处理该请求时出错', hint: '请按请求 ID 查看网关日志并反馈其内容。' },
    http: 500,
  },
  TM_GATEWAY_UNAUTHENTICATED: {
    message: 'the request is not authenticated: {reason}',
    hint: 'Send a credential as WWW-Authenticate says; get a new one if it has expired.',
    zh: {
      message: '请求未通过身份验证：{reason}',
      hint: '请按 WWW-Authenticate 的要求发送凭据；若已过期请重新获取。',
    },
    http: 401,
  },
  TM_GATEWAY_FORBIDDEN: {
    message: 'the request is not allowed: {reason}',
    hint: 'Ask whoever runs this route for access; sending the same again does not help.',
    zh: {
      message: '请求不被允许：{reason}',
      hint: '请向该路由的管理者申请权限；原样重发无济于事。',
    },
    http: 403,
  },
  TM_GATEWAY_AUTH_UNAVAILABLE: {
    message: 'the request cannot be authenticated now: {reason}',
    hint: 'Retry later; the operator should see that the gateway reaches the key set of the token issuer.',
    zh: {
      message: '目前无法验证请求的身份：{reason}',
      hint: '请稍后重试；运维人员应确认网关可以访问令牌签发方的密钥集。',
    },
    http: 503,
    retryable: true,
  },
  TM_GATEWAY_ACCESS_LOG: {
    message: 'the access log {path} cannot be opened: {reason}',
    hint: 'Create its folder and let the gateway write there, or choose another path.',
    zh: {
      message: '无法打开访问日志 {path}：{reason}',
      hint: '请创建其目录并授予网关写权限，或改用其他路径。',
    },
    http: 500,
  },
  TM_GATEWAY_LIMIT_INVALID: {
    message: 'the rate limit settings are not valid',
    hint: 'Correct every problem listed in the details, each at its path.',
    zh: { message: '限流设置无效', hint: '请按路径逐一修正 details 中列出的问题。' },
    http: 400,
  },
  TM_GATEWAY_CONCURRENCY_INVALID: {
    message: 'the concurrency settings are not valid',
    hint: 'Correct every problem listed in the details, each at its path.',
    zh: { message: '并发设置无效', hint: '请按路径逐一修正 details 中列出的问题。' },
    http: 400,
  },
  TM_GATEWAY_LIMITED: {
    message: 'the rate limit {limit} is used up',
    hint: 'Wait for the time in Retry-After; the RateLimit fields say what is left.',
    zh: { message: '已超出限流 {limit}', hint: '请按 Retry-After 等待；剩余额度见 RateLimit 头。' },
    http: 429,
    retryable: true,
  },
  TM_GATEWAY_SHED: {
    message: 'the route {route} takes no more requests at once: {reason}',
    hint: 'Retry later; the upstream or the gateway works at its limit.',
    zh: {
      message: '路由 {route} 暂不接受更多并发请求：{reason}',
      hint: '请稍后重试；上游或网关已达处理上限。',
    },
    http: 503,
    retryable: true,
  },
  TM_GATEWAY_SLO: {
    message: 'the route {route} sheds load because its objective burns',
    hint: 'Retry later; the operator sees the objective and the action under the slo part of the gateway.',
    zh: {
      message: '路由 {route} 因服务目标预算燃烧过快而丢弃部分请求',
      hint: '请稍后重试；运维人员可在网关的 slo 部分查看目标与动作。',
    },
    http: 503,
    retryable: true,
  },
  TM_GATEWAY_ALERTS_INVALID: {
    message: 'the alerts are not valid: {reason}',
    hint: 'Send the body of an Alertmanager webhook, version 4, or the list of its API v2.',
    zh: {
      message: '告警无效：{reason}',
      hint: '请发送 Alertmanager webhook（第 4 版）的请求体，或其 API v2 的告警列表。',
    },
    http: 400,
  },
  TM_GATEWAY_WORKER_START: {
    message: 'worker {index} did not start: {reason}',
    hint: 'Look at what the worker printed; the configuration and the sockets it opens are the usual causes.',
    zh: {
      message: '工作进程 {index} 未能启动：{reason}',
      hint: '请查看该进程的输出；常见原因是配置或其打开的套接字。',
    },
    http: 503,
  },
  TM_GATEWAY_WORKER_LOST: {
    message: 'the worker ended before it answered',
    hint: 'Ask again: another worker takes its place.',
    zh: { message: '工作进程在应答之前已结束', hint: '请重试：会有新的工作进程接替它。' },
    http: 503,
    retryable: true,
  },
  TM_GATEWAY_ADMIN_TOKEN: {
    message: 'the admin API needs its token',
    hint: 'Send Authorization: Bearer TOKEN with the token that the gateway was given or printed at its start.',
    zh: {
      message: '管理接口需要令牌',
      hint: '请发送 Authorization: Bearer TOKEN，令牌为网关启动时给出或打印的令牌。',
    },
    http: 401,
  },
  TM_GATEWAY_ADMIN_PATH: {
    message: 'the admin API has no {method} {path}',
    hint: 'Look in docs/gateway-admin.md for its paths.',
    zh: { message: '管理接口没有 {method} {path}', hint: '路径列表见 docs/gateway-admin.md。' },
    http: 404,
  },
  TM_GATEWAY_ADMIN_BODY: {
    message: 'the body is not what this path takes: {reason}',
    hint: 'Send JSON as docs/gateway-admin.md says.',
    zh: {
      message: '请求体不符合该路径的要求：{reason}',
      hint: '请按 docs/gateway-admin.md 发送 JSON。',
    },
    http: 400,
  },
  TM_GATEWAY_OBJECT_UNKNOWN: {
    message: 'there is no {kind} {key}',
    hint: 'List the objects with GET /v1/objects.',
    zh: { message: '没有 {kind} {key}', hint: '用 GET /v1/objects 列出全部对象。' },
    http: 404,
  },
  TM_GATEWAY_OBJECT_INVALID: {
    message: 'nothing was changed: {count} problems',
    hint: 'Correct every problem that is listed, each at its path, and send all again.',
    zh: {
      message: '未做任何更改：共 {count} 处问题',
      hint: '请按路径逐一修正所列问题后重新提交。',
    },
    http: 422,
  },
  TM_GATEWAY_OBJECT_CHANGED: {
    message: '{kind} {key} is not at the revision that the request asks for',
    hint: 'Read it again, make the change on what is there now, and send its new ETag in If-Match.',
    zh: {
      message: '{kind} {key} 的版本与请求要求的不一致',
      hint: '请重新读取，在当前内容上修改，并在 If-Match 中发送新的 ETag。',
    },
    http: 412,
  },
  TM_GATEWAY_OBJECT_UNCONDITIONAL: {
    message: '{kind} {key} is only changed under a condition here',
    hint: 'Send If-Match with the ETag of the object, or If-None-Match: * for a new one.',
    zh: {
      message: '此处只接受带条件的 {kind} {key} 更改',
      hint: '请在 If-Match 中发送对象的 ETag，新建时发送 If-None-Match: *。',
    },
    http: 428,
  },
  TM_GATEWAY_OBJECT_OF_FILE: {
    message: '{kind} {key} stands in {origin} and is not changed from here',
    hint: 'Edit that file; a running gateway follows it.',
    zh: {
      message: '{kind} {key} 由 {origin} 定义，不能从此处更改',
      hint: '请编辑该文件；运行中的网关会随之更新。',
    },
    http: 409,
  },
  TM_GATEWAY_BREAKER_UNKNOWN: {
    message: 'there is no breaker of route {route} towards {upstream}',
    hint: 'GET /v1/snapshot lists the breakers.',
    zh: {
      message: '路由 {route} 到 {upstream} 没有熔断器',
      hint: 'GET /v1/snapshot 会列出全部熔断器。',
    },
    http: 404,
  },
})
