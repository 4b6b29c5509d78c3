import { type ErrorTable, errorTable } from '@tidemill/core'

export type ProtoErrorCode =
  | 'TM_RPC_DECODE'
  | 'TM_RPC_ENCODE'
  | 'TM_RPC_PROTO_INVALID'
  | 'TM_RPC_PROTO_FILE'
  | 'TM_RPC_SYMBOL_UNKNOWN'
  | 'TM_RPC_REFLECTION'

/** Errors of message bytes, of .proto files and of server reflection. */
export const protoErrors: ErrorTable<ProtoErrorCode> = errorTable('rpc', {
  TM_RPC_DECODE: {
    message: 'these bytes are not a {type}: {reason}, at byte {offset}',
    hint: 'Both sides must use the same .proto file; a proxy that changes bodies also causes this.',
    zh: {
      message: '这些字节不是 {type}：{reason}，位于第 {offset} 字节',
      hint: '双方必须使用同一份 .proto 文件；改动报文体的代理也会造成此错误。',
    },
    http: 400,
  },
  TM_RPC_ENCODE: {
    message: 'cannot encode {field}: {reason}',
    hint: 'Give the field a value of the type that the .proto file declares.',
    zh: {
      message: '无法编码 {field}：{reason}',
      hint: '请为该字段提供 .proto 文件所声明类型的值。',
    },
    http: 400,
  },
  TM_RPC_PROTO_INVALID: {
    message: 'the .proto files cannot be used: {summary}',
    hint: 'Correct each entry of details.problems: file:line:column and what is wrong there.',
    zh: {
      message: '无法使用这些 .proto 文件：{summary}',
      hint: '请逐条修正 details.problems：文件:行:列以及该处的问题。',
    },
    http: 400,
  },
  TM_RPC_PROTO_FILE: {
    message: 'cannot read "{file}": {reason}',
    hint: 'Give files relative to one of importPaths, with / between folders.',
    zh: {
      message: '无法读取 "{file}"：{reason}',
      hint: '文件路径应相对于 importPaths 之一，目录之间用 / 分隔。',
    },
    http: 400,
  },
  TM_RPC_SYMBOL_UNKNOWN: {
    message: 'no {kind} is called "{name}"',
    hint: '{suggestion}',
    zh: { message: '没有名为 "{name}" 的 {kind}', hint: '{suggestion}' },
    http: 400,
  },
  TM_RPC_REFLECTION: {
    message: 'the server does not describe {subject}: {reason}',
    hint: 'Turn reflection on in the server, or give .proto files.',
    zh: {
      message: '服务器没有提供 {subject} 的描述：{reason}',
      hint: '请在服务器上开启反射，或提供 .proto 文件。',
    },
    http: 502,
  },
})
