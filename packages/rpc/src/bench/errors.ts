import { type ErrorTable, errorTable } from '@tidemill/core'

export type BenchErrorCode = 'TM_RPC_BENCH_OPTIONS' | 'TM_RPC_BENCH_DATA' | 'TM_RPC_BENCH_TEMPLATE'

/** Errors of the load tool, all of them the caller's: a server that fails is a result, not an error. */
export const benchErrors: ErrorTable<BenchErrorCode> = errorTable('rpc', {
  TM_RPC_BENCH_OPTIONS: {
    message: 'this load cannot be run: {summary}',
    hint: 'Correct each entry of the problems list; `tidemill help rpc bench` explains every flag.',
    zh: {
      message: '无法执行此压测：{summary}',
      hint: '请逐条修正 problems 列表；`tidemill help rpc bench` 解释每个参数。',
    },
    http: 400,
  },
  TM_RPC_BENCH_DATA: {
    message: 'the data does not fit {message} at {path}: {reason}',
    hint: '{suggestion}',
    zh: { message: '数据与 {message} 不符，位置 {path}：{reason}', hint: '{suggestion}' },
    http: 400,
  },
  TM_RPC_BENCH_TEMPLATE: {
    message: 'the template action {action} cannot be used: {reason}',
    hint: '{suggestion}',
    zh: { message: '模板动作 {action} 无法使用：{reason}', hint: '{suggestion}' },
    http: 400,
  },
})
