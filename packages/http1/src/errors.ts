import { type ErrorTable, errorTable } from '@tidemill/core'

export type Http1ErrorCode =
  | 'TM_HTTP1_BODY_LENGTH'
  | 'TM_HTTP1_BODY_FORBIDDEN'
  | 'TM_HTTP1_CLOSED'
  | 'TM_HTTP1_FRAMING'
  | 'TM_HTTP1_HEADER_NAME'
  | 'TM_HTTP1_HEADER_VALUE'
  | 'TM_HTTP1_HOST'
  | 'TM_HTTP1_METHOD'
  | 'TM_HTTP1_PEER'
  | 'TM_HTTP1_REASON'
  | 'TM_HTTP1_STATE'
  | 'TM_HTTP1_STATUS'
  | 'TM_HTTP1_TARGET'
  | 'TM_HTTP1_TIMEOUT'
  | 'TM_HTTP1_TRAILER'

/** Errors of `@tidemill/http1`: what a caller may not write, and how an exchange with a server failed. */
export const http1Errors: ErrorTable<Http1ErrorCode> = errorTable('http1', {
  TM_HTTP1_BODY_LENGTH: {
    message: 'the body has {received} bytes, its head announced {announced}',
    hint: 'Announce the exact length, or -1 for a body of unknown length; the connection must be closed.',
    zh: {
      message: '消息体为 {received} 字节，而消息头声明了 {announced}',
      hint: '请声明准确长度，长度未知时用 -1；该连接必须关闭。',
    },
    http: 500,
  },
  TM_HTTP1_BODY_FORBIDDEN: {
    message: 'a message with {what} has no body',
    hint: 'Send it with length 0 and without body parts (RFC 9110 section 6.4.1).',
    zh: {
      message: '{what} 的消息没有消息体',
      hint: '请以长度 0 发送，且不要写入消息体（RFC 9110 6.4.1 节）。',
    },
    http: 500,
  },
  TM_HTTP1_CLOSED: {
    message: 'the connection to {peer} is closed: {reason}',
    hint: 'Open another one; details.sent says whether the request may have reached the server.',
    zh: {
      message: '到 {peer} 的连接已关闭：{reason}',
      hint: '请新建连接；details.sent 说明请求是否可能已到达服务器。',
    },
    http: 502,
    retryable: true,
  },
  TM_HTTP1_FRAMING: {
    message: 'the field "{name}" belongs to the connection: {reason}',
    hint: 'Leave it out; length, keep-alive and upgrade are arguments of the call.',
    zh: {
      message: '字段 "{name}" 属于连接层：{reason}',
      hint: '请不要写入；长度、keep-alive 和升级是调用的参数。',
    },
    http: 500,
  },
  TM_HTTP1_HEADER_NAME: {
    message: 'not a field name: "{name}"',
    hint: "Use one or more letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 section 5.1).",
    zh: {
      message: '不是合法的字段名："{name}"',
      hint: "请只用字母、数字和 !#$%&'*+-.^_`|~（RFC 9110 5.1 节）。",
    },
    http: 500,
  },
  TM_HTTP1_HEADER_VALUE: {
    message: 'the value of "{name}" cannot be sent: character {position} is not allowed',
    hint: 'Encode it: only tab, space and visible latin1 characters, no space at either end (RFC 9110 section 5.5).',
    zh: {
      message: '字段 "{name}" 的值无法发送：第 {position} 个字符不允许',
      hint: '请先编码：只允许制表符、空格和可见的 latin1 字符，首尾不能有空白（RFC 9110 5.5 节）。',
    },
    http: 500,
  },
  TM_HTTP1_HOST: {
    message: 'a request needs exactly one Host field with a host in it; there are {count}',
    hint: "Add ['host', 'example.com'] to the header list (RFC 9112 section 3.2).",
    zh: {
      message: '请求需要且仅需要一个有效的 Host 字段，现有 {count} 个',
      hint: "请在头列表中加入 ['host', 'example.com']（RFC 9112 3.2 节）。",
    },
    http: 500,
  },
  TM_HTTP1_METHOD: {
    message: 'not a method: "{method}"',
    hint: 'Write a token such as GET; case matters.',
    zh: { message: '不是合法的方法："{method}"', hint: '请写 GET 之类的方法名，区分大小写。' },
    http: 500,
  },
  TM_HTTP1_PEER: {
    message: 'the response of {peer} is not HTTP/1.1: {reason} at byte {position}',
    hint: 'Look at what the server sends; the connection was closed and the response dropped.',
    zh: {
      message: '{peer} 的响应不符合 HTTP/1.1：{reason}，位于第 {position} 字节',
      hint: '请检查服务器发送的内容；连接已关闭，响应已丢弃。',
    },
    http: 502,
  },
  TM_HTTP1_REASON: {
    message: 'not a reason phrase: character {position} is not allowed',
    hint: 'Leave it out, or use visible characters, tab and space.',
    zh: {
      message: '不是合法的原因短语：第 {position} 个字符不允许',
      hint: '请省略它，或只用可见字符、制表符和空格。',
    },
    http: 500,
  },
  TM_HTTP1_STATE: {
    message: 'cannot write {what} now: {state}',
    hint: 'A message is one head, its body parts, one end; the next begins after that.',
    zh: {
      message: '现在不能写入{what}：{state}',
      hint: '一条消息依次为一个头、若干消息体、一个结束；之后才能开始下一条。',
    },
    http: 500,
  },
  TM_HTTP1_STATUS: {
    message: 'not a status that can be sent here: {status}',
    hint: 'Use 200 to 599 for a response, 100, 102 or 103 for an interim one; 101 only by upgrade().',
    zh: {
      message: '此处不能发送状态码 {status}',
      hint: '响应用 200 到 599，临时响应用 100、102 或 103；101 只能通过 upgrade() 发送。',
    },
    http: 500,
  },
  TM_HTTP1_TARGET: {
    message: 'not a request target: character {position} of "{target}" is not allowed',
    hint: 'Percent-encode it; a target has no space, control character, fragment or non-ASCII character.',
    zh: {
      message: '不是合法的请求目标："{target}" 的第 {position} 个字符不允许',
      hint: '请进行百分号编码；目标中不能有空格、控制字符、片段或非 ASCII 字符。',
    },
    http: 500,
  },
  TM_HTTP1_TIMEOUT: {
    message: '{peer} made no progress for {ms} ms: {what}',
    hint: 'Raise the timeout, or find what holds the server up.',
    zh: {
      message: '{peer} 在 {ms} 毫秒内没有进展：{what}',
      hint: '请延长超时，或查明服务器阻塞的原因。',
    },
    http: 504,
    retryable: true,
  },
  TM_HTTP1_TRAILER: {
    message: 'the trailer "{name}" cannot be sent: {reason}',
    hint: 'Trailers need a chunked body and may not frame, route or describe the message (RFC 9110 section 6.5.1).',
    zh: {
      message: '尾部字段 "{name}" 无法发送：{reason}',
      hint: '尾部字段需要分块消息体，且不能用于分帧、路由或描述消息（RFC 9110 6.5.1 节）。',
    },
    http: 500,
  },
})
