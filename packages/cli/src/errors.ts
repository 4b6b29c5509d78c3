import { type ErrorTable, errorTable } from '@tidemill/core'

export type CliErrorCode =
  | 'TM_CLI_COMMAND_UNKNOWN'
  | 'TM_CLI_USAGE'
  | 'TM_CLI_UNREACHABLE'
  | 'TM_CLI_CODE_UNKNOWN'
  | 'TM_CLI_INVARIANT'
  | 'TM_CLI_ANSWER'
  | 'TM_CLI_GATEWAY_UNREACHABLE'
  | 'TM_CLI_MANIFESTS'
  | 'TM_CLI_GATEWAY_PORT'

/** Errors of the `tidemill` command. */
export const cliErrors: ErrorTable<CliErrorCode> = errorTable('cli', {
  TM_CLI_COMMAND_UNKNOWN: {
    message: 'there is no command "{command}"',
    hint: '{suggestion}',
    zh: { message: '没有命令 "{command}"', hint: '运行 tidemill help 查看全部命令。' },
    http: 400,
  },
  TM_CLI_USAGE: {
    message: '{what}',
    hint: '{suggestion}',
    zh: { message: '命令行用法不正确：{what}', hint: '运行 tidemill help COMMAND 查看用法。' },
    http: 400,
  },
  TM_CLI_UNREACHABLE: {
    message: 'no running platform answers at {url}',
    hint: 'Start one with `tidemill up`, or name it with --url or TIDEMILL_URL.',
    zh: {
      message: '{url} 上没有正在运行的平台',
      hint: '用 `tidemill up` 启动，或用 --url / TIDEMILL_URL 指定地址。',
    },
    http: 503,
    retryable: true,
  },
  TM_CLI_CODE_UNKNOWN: {
    message: 'no error has the code "{code}"',
    hint: '{suggestion}',
    zh: { message: '没有编号为 "{code}" 的错误', hint: '运行 tidemill errors 列出全部编号。' },
    http: 404,
  },
  TM_CLI_ANSWER: {
    message: '{url} answered {status}, and not as a Tidemill platform does',
    hint: 'Check --url: it must be the console address that `tidemill up` prints.',
    zh: {
      message: '{url} 返回了 {status}，不像是 Tidemill 平台的应答',
      hint: '请检查 --url：应为 `tidemill up` 打印的控制台地址。',
    },
    http: 502,
  },
  TM_CLI_INVARIANT: {
    message: 'after the run these invariants do not hold: {names}',
    hint: 'Keep the data folder and look at the details with --json.',
    zh: {
      message: '运行结束后以下不变式不成立：{names}',
      hint: '请保留数据目录，并用 --json 查看细节。',
    },
    http: 500,
  },
  TM_CLI_GATEWAY_UNREACHABLE: {
    message: 'no gateway answers at {url}',
    hint: 'Start one with `tidemill gateway run -f FILE --admin 127.0.0.1:9180`, or name it with --admin.',
    zh: {
      message: '{url} 上没有网关应答',
      hint: '用 `tidemill gateway run -f FILE --admin 127.0.0.1:9180` 启动，或用 --admin 指定地址。',
    },
    http: 503,
    retryable: true,
  },
  TM_CLI_MANIFESTS: {
    message: '{count} problems in the manifests',
    hint: 'Correct each at its line; `tidemill gateway validate -f FILE` checks without starting anything.',
    zh: {
      message: '清单中有 {count} 处问题',
      hint: '请按行号逐一修正；`tidemill gateway validate -f FILE` 只检查、不启动。',
    },
    http: 422,
  },
  TM_CLI_GATEWAY_PORT: {
    message: 'cannot listen on {host}:{port} for {gateways}: {reason}',
    hint: '{suggestion}',
    zh: {
      message: '无法为 {gateways} 监听 {host}:{port}：{reason}',
      hint: '用 --listen 127.0.0.1:0 任选空闲端口。',
    },
    http: 503,
  },
})
