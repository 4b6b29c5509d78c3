import { type ErrorTable, errorTable } from '@tidemill/core'

export type ShopErrorCode =
  | 'TM_SHOP_FILE_UNREADABLE'
  | 'TM_SHOP_DATA_UNWRITABLE'
  | 'TM_SHOP_HTTP_MALFORMED'
  | 'TM_SHOP_CSV_INVALID'
  | 'TM_SHOP_OPTION_INVALID'
  | 'TM_SHOP_REQUEST_INVALID'
  | 'TM_SHOP_BODY_TOO_LARGE'
  | 'TM_SHOP_CONTENT_TYPE'
  | 'TM_SHOP_NO_ROUTE'
  | 'TM_SHOP_METHOD'
  | 'TM_SHOP_IDEMPOTENCY_KEY'
  | 'TM_SHOP_IDEMPOTENCY_CONFLICT'
  | 'TM_SHOP_ORDER_EXISTS'
  | 'TM_SHOP_ORDER_UNKNOWN'
  | 'TM_SHOP_ORDER_CANCELLED'
  | 'TM_SHOP_REFUND_EXCEEDS'
  | 'TM_SHOP_SKU_UNKNOWN'
  | 'TM_SHOP_DEADLINE'
  | 'TM_SHOP_DEMO_REFUSED'

/** Errors of `@tidemill/shop`. */
export const shopErrors: ErrorTable<ShopErrorCode> = errorTable('shop', {
  TM_SHOP_FILE_UNREADABLE: {
    message: 'cannot read the orders file "{file}" ({reason})',
    hint: 'Check the path and that the file is a CSV or a whole gzip of one; "synthetic" needs no file.',
    zh: {
      message: '无法读取订单文件 "{file}"（{reason}）',
      hint: '请检查路径，并确认文件是 CSV 或完整的 gzip 压缩 CSV；"synthetic" 不需要文件。',
    },
    http: 400,
  },
  TM_SHOP_DATA_UNWRITABLE: {
    message: 'cannot write "{file}" ({reason})',
    hint: 'Give the shop a folder that it may write to and that has room, then start it again; nothing was lost.',
    zh: {
      message: '无法写入 "{file}"（{reason}）',
      hint: '请为商店提供可写且有剩余空间的目录，然后重新启动；没有数据丢失。',
    },
    http: 503,
    retryable: true,
  },
  TM_SHOP_HTTP_MALFORMED: {
    message: 'the request is not valid HTTP/1.1 ({reason})',
    hint: 'Send a Host header, and one Content-Length that is true or chunks of the right size; the headers together at most 16 KiB.',
    zh: {
      message: '请求不是有效的 HTTP/1.1（{reason}）',
      hint: '请发送 Host 头，以及正确的 Content-Length 或正确的分块；所有请求头合计不超过 16 KiB。',
    },
    http: 400,
  },
  TM_SHOP_CSV_INVALID: {
    message: '"{file}" has {count} malformed rows; the first is at line {line}, column {column}',
    hint: 'Correct the rows that the problems list names, or have malformed rows skipped and counted. No order was placed.',
    zh: {
      message: '"{file}" 有 {count} 行格式错误；第一处在第 {line} 行第 {column} 列',
      hint: '请修正 problems 中列出的行，或选择跳过并计数。没有下任何订单。',
    },
    http: 422,
  },
  TM_SHOP_OPTION_INVALID: {
    message: 'the shop cannot start with these options',
    hint: 'Correct every option that the problems list names.',
    zh: { message: '商店无法以这些选项启动', hint: '请修正 problems 中列出的每个选项。' },
    http: 400,
  },
  TM_SHOP_REQUEST_INVALID: {
    message: 'the request breaks {count} rules',
    hint: 'Correct every field that the problems list names; /openapi.json describes the shape.',
    zh: {
      message: '请求违反了 {count} 条规则',
      hint: '请修正 problems 中列出的每个字段；/openapi.json 描述了格式。',
    },
    http: 422,
  },
  TM_SHOP_BODY_TOO_LARGE: {
    message: 'the body is larger than {limit} bytes',
    hint: 'Send fewer lines in one order; nothing of this request was kept.',
    zh: {
      message: '请求体超过 {limit} 字节',
      hint: '请减少单个订单的行数；该请求未保存任何内容。',
    },
    http: 413,
  },
  TM_SHOP_CONTENT_TYPE: {
    message: 'the body is "{received}", not application/json in UTF-8 without an encoding',
    hint: 'Send Content-Type: application/json and no Content-Encoding.',
    zh: {
      message: '请求体类型是 "{received}"，而不是 UTF-8 且未压缩的 application/json',
      hint: '请使用 Content-Type: application/json，且不要设置 Content-Encoding。',
    },
    http: 415,
  },
  TM_SHOP_NO_ROUTE: {
    message: 'there is nothing at {path}',
    hint: 'See /openapi.json for the paths of this service.',
    zh: { message: '{path} 处没有资源', hint: '请查看 /openapi.json 中的路径。' },
    http: 404,
  },
  TM_SHOP_METHOD: {
    message: '{path} does not take {method}',
    hint: 'Use one of the methods in the Allow header.',
    zh: { message: '{path} 不支持 {method}', hint: '请使用 Allow 头列出的方法。' },
    http: 405,
  },
  TM_SHOP_IDEMPOTENCY_KEY: {
    message: 'the Idempotency-Key header is {reason}',
    hint: 'Send a key of 1 to 128 printable ASCII characters that is new for each order and the same for each repeat of it.',
    zh: {
      message: 'Idempotency-Key 头{reason}',
      hint: '请发送 1 到 128 个可打印 ASCII 字符的键：每个订单一个新键，重试时使用同一个键。',
    },
    http: 400,
  },
  TM_SHOP_IDEMPOTENCY_CONFLICT: {
    message: 'the Idempotency-Key "{key}" was used before with another body',
    hint: 'Repeat the first request unchanged, or choose a new key for a new order.',
    zh: {
      message: 'Idempotency-Key "{key}" 已用于另一个请求体',
      hint: '请原样重发第一个请求，或为新订单选用新的键。',
    },
    http: 409,
  },
  TM_SHOP_ORDER_EXISTS: {
    message: 'there is an order with the id "{id}" already',
    hint: 'Leave the id out to have one made, or repeat the first request with its own Idempotency-Key.',
    zh: {
      message: '已存在 id 为 "{id}" 的订单',
      hint: '请不填 id 由系统生成，或用原来的 Idempotency-Key 重发第一个请求。',
    },
    http: 409,
  },
  TM_SHOP_ORDER_UNKNOWN: {
    message: 'there is no order with the id "{id}"',
    hint: 'Check the id; an order that was acknowledged is never missing.',
    zh: { message: '没有 id 为 "{id}" 的订单', hint: '请检查 id；已确认接收的订单不会丢失。' },
    http: 404,
  },
  TM_SHOP_ORDER_CANCELLED: {
    message: 'the order "{id}" is cancelled, so nothing of it can be given back',
    hint: 'Nothing is owed: what was charged has been paid back.',
    zh: { message: '订单 "{id}" 已取消，没有可退的内容', hint: '无需处理：已收的款项已经退还。' },
    http: 409,
  },
  TM_SHOP_REFUND_EXCEEDS: {
    message: 'the order "{id}" does not have that many units left to give back',
    hint: 'Look at the order: units that were given back before cannot be given back again.',
    zh: {
      message: '订单 "{id}" 没有那么多可退的数量',
      hint: '请查看订单：已退的数量不能再退一次。',
    },
    http: 409,
  },
  TM_SHOP_SKU_UNKNOWN: {
    message: 'the catalogue does not have {count} of the stock codes',
    hint: 'See GET /catalogue for what is sold; PUT /catalogue/SKU adds an item.',
    zh: {
      message: '目录中没有其中 {count} 个货号',
      hint: '请用 GET /catalogue 查看在售商品；用 PUT /catalogue/SKU 添加商品。',
    },
    http: 422,
  },
  TM_SHOP_DEADLINE: {
    message:
      'the time of the request was over before the order was safe; whether it was taken is not known',
    hint: 'Repeat the request with the same Idempotency-Key: it gives the order if it was taken, and takes it if not.',
    zh: {
      message: '订单落盘之前请求的时限已到；订单是否已被接收尚不确定',
      hint: '请用相同的 Idempotency-Key 重发请求：已接收则返回该订单，未接收则重新接收。',
    },
    http: 504,
    retryable: true,
  },
  TM_SHOP_DEMO_REFUSED: {
    message: '{method} {path} was answered {status} {code}',
    hint: 'The demo stops at a refusal that its rules do not foresee; see the cause and the log of the service.',
    zh: {
      message: '{method} {path} 的响应是 {status} {code}',
      hint: '演示遇到规则未预见的拒绝会停止；请查看原因和服务日志。',
    },
    http: 502,
  },
})
