import { type ErrorTable, errorTable } from './error-table.ts'

export type CoreErrorCode = 'TM_CORE_DURATION' | 'TM_CORE_CLOSED' | 'TM_CORE_DEADLINE'

/** Errors of `@tidemill/core`. */
export const coreErrors: ErrorTable<CoreErrorCode> = errorTable('core', {
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
})
