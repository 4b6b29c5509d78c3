import { type ErrorTable, errorTable } from './error-table.ts'

export type CoreErrorCode =
  | 'TM_CORE_BYTES'
  | 'TM_CORE_DURATION'
  | 'TM_CORE_CLOSED'
  | 'TM_CORE_DEADLINE'
  | 'TM_CORE_INTERNAL'
  | 'TM_CORE_INVALID'
  | 'TM_CORE_SCHEMA'
  | 'TM_CORE_JSON_SYNTAX'
  | 'TM_CORE_JSON_TOO_LARGE'
  | 'TM_CORE_RING_OPTIONS'
  | 'TM_CORE_RING_OVERSIZE'
  | 'TM_CORE_WIRE'

/** Errors of `@tidemill/core`. */
export const coreErrors: ErrorTable<CoreErrorCode> = errorTable('core', {
  TM_CORE_BYTES: {
    message: 'not a number of bytes: "{received}"',
    hint: 'Write a whole number, or one with a unit: 500B, 64KiB, 1MiB, 2GiB, 10MB.',
    zh: {
      message: '不是合法的字节数："{received}"',
      hint: '请写整数，或带单位的数：500B、64KiB、1MiB、2GiB、10MB。',
    },
    http: 400,
  },
  TM_CORE_DURATION: {
    message: 'not a duration: "{received}"',
    hint: 'Write a number with a unit, for example 250ms, 5s, 15m, 1h or 7d.',
    zh: {
      message: '不是合法的时长："{received}"',
      hint: '请写数字加单位，例如 250ms、5s、15m、1h 或 7d。',
    },
    http: 400,
  },
  TM_CORE_CLOSED: {
    message: '{what} is closed',
    hint: 'Make the call before close(), or open it again.',
    zh: { message: '{what} 已关闭', hint: '请在 close() 之前调用，或重新打开。' },
    http: 503,
  },
  TM_CORE_DEADLINE: {
    message: '{what} did not finish within {ms} ms',
    hint: 'Raise the deadline, or find what holds it up.',
    zh: { message: '{what} 未能在 {ms} 毫秒内完成', hint: '请延长期限，或查明阻塞的原因。' },
    http: 504,
    retryable: true,
  },
  TM_CORE_INTERNAL: {
    message: 'an unexpected error stopped the request',
    hint: 'The log of the server has the cause; report it if it happens again.',
    zh: {
      message: '请求因意外错误而中止',
      hint: '原因见服务器日志；若再次发生，请报告。',
    },
    http: 500,
  },
  TM_CORE_INVALID: {
    message: '{what} is not valid: {summary}',
    hint: 'Correct every entry of the problems list; each names its path and what is expected.',
    zh: {
      message: '{what} 不合法：{summary}',
      hint: '请逐条修正 problems 列表，其中每条都给出路径与期望值。',
    },
    http: 400,
  },
  TM_CORE_SCHEMA: {
    message: 'this schema cannot work: {reason}',
    hint: 'Correct the schema in the code; its input is not at fault.',
    zh: { message: '此 schema 无法使用：{reason}', hint: '请修正代码中的 schema，输入没有问题。' },
    http: 500,
  },
  TM_CORE_JSON_SYNTAX: {
    message: 'not valid JSON at line {line}, column {column}: {reason}',
    hint: 'Correct the text at that place; RFC 8259 gives the grammar.',
    zh: {
      message: '第 {line} 行第 {column} 列不是合法的 JSON：{reason}',
      hint: '请修正该处文本；语法见 RFC 8259。',
    },
    http: 400,
  },
  TM_CORE_JSON_TOO_LARGE: {
    message: 'the JSON text has {bytes} bytes, more than the {limit} that are accepted',
    hint: 'Send it in smaller parts, or raise the limit.',
    zh: {
      message: 'JSON 文本有 {bytes} 字节，超过上限 {limit}',
      hint: '请分成较小的部分发送，或提高上限。',
    },
    http: 413,
  },
  TM_CORE_RING_OPTIONS: {
    message: 'a ring cannot have {name} = {received}; it must be {expected}',
    hint: 'Choose the next power of two for the capacity, and slots large enough for the largest message.',
    zh: {
      message: '环形队列的 {name} 不能是 {received}，必须是{expected}',
      hint: '容量请取 2 的幂，槽位请大于最大的消息。',
    },
    http: 500,
  },
  TM_CORE_RING_OVERSIZE: {
    message: 'a message of {bytes} bytes does not fit a ring slot of {limit}',
    hint: 'Make the ring with larger slots, or pass a handle to the message instead.',
    zh: {
      message: '{bytes} 字节的消息放不进 {limit} 字节的槽位',
      hint: '请用更大的槽位创建环形队列，或只传递消息的句柄。',
    },
    http: 413,
  },
  TM_CORE_WIRE: {
    message: 'malformed message at byte {offset}: {reason}',
    hint: 'The sender encoded it wrongly, or the bytes were cut or damaged on the way.',
    zh: {
      message: '第 {offset} 字节处消息格式错误：{reason}',
      hint: '发送方编码有误，或数据在途中被截断或损坏。',
    },
    http: 400,
  },
})
