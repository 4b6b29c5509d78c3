import { type ErrorTable, errorTable } from '@tidemill/core'

export type PlatformErrorCode =
  | 'TM_PLATFORM_PORT_BUSY'
  | 'TM_PLATFORM_DATA_DIR'
  | 'TM_PLATFORM_NOT_FOUND'
  | 'TM_PLATFORM_REQUEST'
  | 'TM_PLATFORM_FORBIDDEN'
  | 'TM_PLATFORM_METHOD'

/** Errors of `@tidemill/platform`. */
export const platformErrors: ErrorTable<PlatformErrorCode> = errorTable('platform', {
  TM_PLATFORM_PORT_BUSY: {
    message: 'port {port} on {host} is already taken, so the {what} cannot listen',
    hint: 'Stop the process that holds it, or run with --port auto (or --port {next}).',
    zh: {
      message: '{host} 的端口 {port} 已被占用，{what} 无法监听',
      hint: '停止占用该端口的进程，或使用 --port auto（或 --port {next}）。',
    },
    http: 503,
  },
  TM_PLATFORM_DATA_DIR: {
    message: 'the data folder "{folder}" cannot be used: {reason}',
    hint: 'Name a folder that this user may write, with --data DIR.',
    zh: {
      message: '数据目录 "{folder}" 不可用：{reason}',
      hint: '用 --data DIR 指定一个可写的目录。',
    },
    http: 500,
  },
  TM_PLATFORM_NOT_FOUND: {
    message: 'there is no {what} "{id}"',
    hint: 'List what there is, then ask again with an id from the list.',
    zh: { message: '找不到 {what} "{id}"', hint: '先列出现有的对象，再使用列表中的编号查询。' },
    http: 404,
  },
  TM_PLATFORM_REQUEST: {
    message: 'the request is not right: {what}',
    hint: 'Compare it with the description in docs/admin-api.md.',
    zh: { message: '请求不正确：{what}', hint: '请对照 docs/admin-api.md 中的说明。' },
    http: 400,
  },
  TM_PLATFORM_FORBIDDEN: {
    message: 'refused: {what}',
    hint: 'Call the admin API by its loopback address, not from another site.',
    zh: { message: '已拒绝：{what}', hint: '请通过本机回环地址访问管理 API，不要从其他站点调用。' },
    http: 403,
  },
  TM_PLATFORM_METHOD: {
    message: '{method} is not allowed on {path}',
    hint: 'Use one of {allowed}.',
    zh: { message: '{path} 不支持 {method} 方法', hint: '请使用 {allowed}。' },
    http: 405,
  },
})
