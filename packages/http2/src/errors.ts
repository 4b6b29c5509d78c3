import { type ErrorTable, errorTable } from '@tidemill/core'

export type Http2ErrorCode =
  | 'TM_HTTP2_STATE'
  | 'TM_HTTP2_HEADERS'
  | 'TM_HTTP2_NO_SLOT'
  | 'TM_HTTP2_SEND_BUFFER'
  | 'TM_HTTP2_ARGUMENT'
  | 'TM_HTTP2_CONNECT'
  | 'TM_HTTP2_LISTEN'

/** Errors of `@tidemill/http2`: what its callers do wrong. What a peer does wrong is a code of RFC 9113 7 instead. */
export const http2Errors: ErrorTable<Http2ErrorCode> = errorTable('http2', {
  TM_HTTP2_STATE: {
    message: '{what} on stream {id}: {state}',
    hint: 'Send headers once, then data, then end once: with the end flag or with trailers.',
    zh: {
      message: '流 {id} 上的 {what}：{state}',
      hint: '先发送一次头部，再发送数据，最后只结束一次：用 end 标志或用尾部字段。',
    },
    http: 500,
  },
  TM_HTTP2_HEADERS: {
    message: 'the header list cannot be sent: {reason}',
    hint: 'Names are lower-case tokens, pseudo-headers come first, values hold no CR, LF or NUL (RFC 9113 8.2).',
    zh: {
      message: '头部列表无法发送：{reason}',
      hint: '名称须为小写 token，伪头部在最前，值中不得有 CR、LF 或 NUL（RFC 9113 8.2）。',
    },
    http: 500,
  },
  TM_HTTP2_NO_SLOT: {
    message: 'the connection takes no request now: {reason}',
    hint: 'Wait for onSlots, or use another connection when the connection is draining.',
    zh: {
      message: '连接当前不接受请求：{reason}',
      hint: '等待 onSlots；若连接正在排空，请改用其他连接。',
    },
    http: 503,
    retryable: true,
  },
  TM_HTTP2_SEND_BUFFER: {
    message: 'stream {id} holds {bytes} unsent bytes and takes no more',
    hint: 'When data() returns false, wait for onWritable.',
    zh: {
      message: '流 {id} 有 {bytes} 字节尚未发送，不再接受更多',
      hint: 'data() 返回 false 后请等待 onWritable。',
    },
    http: 500,
  },
  TM_HTTP2_ARGUMENT: {
    message: '{what} must be {expected}, not {received}',
    hint: 'Look at the options table in the README of @tidemill/http2.',
    zh: {
      message: '{what} 应为 {expected}，而不是 {received}',
      hint: '请查看 @tidemill/http2 的 README 中的选项表。',
    },
    http: 500,
  },
  TM_HTTP2_CONNECT: {
    message: 'no HTTP/2 connection to {authority}: {reason}',
    hint: 'Look whether something listens there, and whether both sides speak TLS with ALPN h2 or both do not.',
    zh: {
      message: '无法与 {authority} 建立 HTTP/2 连接：{reason}',
      hint: '请检查该地址是否有服务在监听，以及双方是否都使用（或都不使用）带 ALPN h2 的 TLS。',
    },
    http: 502,
    retryable: true,
  },
  TM_HTTP2_LISTEN: {
    message: 'cannot listen on {address}: {reason}',
    hint: 'Choose a free port, or 0 for any; an address must be one of this machine.',
    zh: {
      message: '无法监听 {address}：{reason}',
      hint: '请选择空闲端口，或用 0 表示任意端口；地址必须属于本机。',
    },
    http: 500,
  },
})
