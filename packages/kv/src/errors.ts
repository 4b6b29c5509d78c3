import { type ErrorTable, errorTable } from '@tidemill/core'

export type KvErrorCode =
  | 'TM_KV_ARGUMENT'
  | 'TM_KV_URL'
  | 'TM_KV_EMPTY_KEY'
  | 'TM_KV_KEY_NOT_FOUND'
  | 'TM_KV_VALUE_PROVIDED'
  | 'TM_KV_LEASE_PROVIDED'
  | 'TM_KV_TOO_MANY_OPS'
  | 'TM_KV_DUPLICATE_KEY'
  | 'TM_KV_REQUEST_TOO_LARGE'
  | 'TM_KV_COMPACTED'
  | 'TM_KV_FUTURE'
  | 'TM_KV_NO_SPACE'
  | 'TM_KV_LEASE_NOT_FOUND'
  | 'TM_KV_LEASE_EXISTS'
  | 'TM_KV_LEASE_TTL'
  | 'TM_KV_OVERLOADED'
  | 'TM_KV_OUTCOME_UNKNOWN'
  | 'TM_KV_CLOSED'

/**
 * Errors of `@tidemill/kv`. Those that etcd has too carry `details.grpcCode` and `details.etcdMessage`, so that a
 * server of etcd's API can answer with exactly the status that etcd gives.
 */
export const kvErrors: ErrorTable<KvErrorCode> = errorTable('kv', {
  TM_KV_ARGUMENT: {
    message: 'the {what} call has a wrong argument',
    hint: 'Look at details.problems: each names the argument and what it should be.',
    zh: {
      message: '调用 {what} 的参数有误',
      hint: '请查看 details.problems：每一项都写明了参数及其应有的取值。',
    },
    http: 400,
  },
  TM_KV_URL: {
    message: 'not a key-value store: "{url}"',
    hint: 'Write sqlite:PATH, for example sqlite:./data/kv.db, or sqlite::memory:.',
    zh: {
      message: '不是键值存储的地址："{url}"',
      hint: '请写 sqlite:路径，例如 sqlite:./data/kv.db，或 sqlite::memory:。',
    },
    http: 400,
  },
  TM_KV_EMPTY_KEY: {
    message: 'the key is empty',
    hint: "Give a key of at least one byte; for every key use prefix('', { allowAll: true }).",
    zh: {
      message: '键为空',
      hint: "键至少要有一个字节；若要所有键，请用 prefix('', { allowAll: true })。",
    },
    http: 400,
  },
  TM_KV_KEY_NOT_FOUND: {
    message: 'the put keeps the value or lease of a key that does not exist',
    hint: 'Use ignoreValue and ignoreLease only on a key that exists, or guard the put with a compare.',
    zh: {
      message: '该 put 要保留一个不存在的键的值或租约',
      hint: '只对已存在的键使用 ignoreValue 和 ignoreLease，或用比较条件保护该 put。',
    },
    http: 404,
  },
  TM_KV_VALUE_PROVIDED: {
    message: 'a value was given together with ignoreValue',
    hint: 'Give an empty value, or leave ignoreValue out.',
    zh: { message: '同时给出了值和 ignoreValue', hint: '请给空值，或去掉 ignoreValue。' },
    http: 400,
  },
  TM_KV_LEASE_PROVIDED: {
    message: 'a lease was given together with ignoreLease',
    hint: 'Leave one of lease and ignoreLease out.',
    zh: { message: '同时给出了 lease 和 ignoreLease', hint: '请去掉 lease 和 ignoreLease 之一。' },
    http: 400,
  },
  TM_KV_TOO_MANY_OPS: {
    message: 'the transaction has {ops} operations, at most {limit} are allowed here',
    hint: 'Split it, or write large things in parts and make them visible with one last put.',
    zh: {
      message: '事务包含 {ops} 个操作，此处最多允许 {limit} 个',
      hint: '请拆分事务，或先分批写入大对象，最后用一次 put 使其可见。',
    },
    http: 400,
  },
  TM_KV_DUPLICATE_KEY: {
    message: 'the transaction changes the key "{key}" more than once',
    hint: 'Change each key at most once per transaction; a delete range must not cover a key that is put.',
    zh: {
      message: '事务多次修改了键 "{key}"',
      hint: '每个事务中一个键最多修改一次；删除范围不能覆盖同时写入的键。',
    },
    http: 400,
  },
  TM_KV_REQUEST_TOO_LARGE: {
    message: 'the request has {bytes} bytes, at most {limit} are allowed',
    hint: 'Store large values in parts, or store a reference.',
    zh: { message: '请求有 {bytes} 字节，最多允许 {limit} 字节', hint: '请分块存储，或只存引用。' },
    http: 413,
  },
  TM_KV_COMPACTED: {
    message: 'revision {revision} has been compacted, history starts at {compacted}',
    hint: 'Read the present state again and watch from its revision.',
    zh: {
      message: '修订号 {revision} 已被压缩，历史从 {compacted} 开始',
      hint: '请重新读取当前状态，并从其修订号开始监听。',
    },
    http: 410,
  },
  TM_KV_FUTURE: {
    message: 'revision {revision} is in the future, the store is at {current}',
    hint: 'Ask for a revision that some answer of this store has given.',
    zh: {
      message: '修订号 {revision} 尚未出现，存储当前为 {current}',
      hint: '请使用该存储的应答中给出过的修订号。',
    },
    http: 400,
  },
  TM_KV_NO_SPACE: {
    message: 'the store holds {bytes} bytes, its quota is {quota}',
    hint: 'Delete keys and compact, or raise quotaBytes; reads and deletes still work.',
    zh: {
      message: '存储已占用 {bytes} 字节，配额为 {quota}',
      hint: '请删除键并压缩，或提高 quotaBytes；读取和删除仍可用。',
    },
    http: 507,
  },
  TM_KV_LEASE_NOT_FOUND: {
    message: 'there is no lease {lease}',
    hint: 'It expired or was revoked: grant a new one and put its keys again.',
    zh: { message: '租约 {lease} 不存在', hint: '它已过期或被撤销：请重新申请租约并重新写入键。' },
    http: 404,
  },
  TM_KV_LEASE_EXISTS: {
    message: 'the lease {lease} exists already',
    hint: 'Leave the id out to have one chosen.',
    zh: { message: '租约 {lease} 已存在', hint: '不指定 id 即可自动分配。' },
    http: 409,
  },
  TM_KV_LEASE_TTL: {
    message: 'a lease of {ttl} s is too long, at most {limit} s are allowed',
    hint: 'A lease is kept alive while its owner lives; a short one is enough.',
    zh: {
      message: '租约 {ttl} 秒过长，最多允许 {limit} 秒',
      hint: '持有者存活期间租约会自动续期，短租约即可。',
    },
    http: 400,
  },
  TM_KV_OVERLOADED: {
    message: 'too many calls wait for the store ({waiting} of {limit} {unit})',
    hint: 'Wait for answers before sending more; the call was not begun and may be repeated.',
    zh: {
      message: '等待存储的调用过多（{waiting}/{limit} {unit}）',
      hint: '请等待应答后再发送；该调用尚未开始，可以重试。',
    },
    http: 429,
    retryable: true,
  },
  TM_KV_OUTCOME_UNKNOWN: {
    message: 'the store stopped before it answered; whether the call took effect is unknown',
    hint: 'Open the store again and read what the call would have changed before repeating it.',
    zh: {
      message: '存储在应答前停止；调用是否生效未知',
      hint: '请重新打开存储，先读取该调用会修改的内容，再决定是否重试。',
    },
    http: 503,
  },
  TM_KV_CLOSED: {
    message: 'the store is closed',
    hint: 'Make the call before close(), or open it again.',
    zh: { message: '存储已关闭', hint: '请在 close() 之前调用，或重新打开。' },
    http: 503,
  },
})

/** What etcd says for the same refusal: gRPC status code and message, byte for byte (config facts 5.2, 5.5, 5.6). */
export const etcdStatus: Readonly<
  Partial<Record<KvErrorCode, { readonly grpcCode: number; readonly etcdMessage: string }>>
> = {
  TM_KV_EMPTY_KEY: { grpcCode: 3, etcdMessage: 'etcdserver: key is not provided' },
  TM_KV_KEY_NOT_FOUND: { grpcCode: 3, etcdMessage: 'etcdserver: key not found' },
  TM_KV_VALUE_PROVIDED: { grpcCode: 3, etcdMessage: 'etcdserver: value is provided' },
  TM_KV_LEASE_PROVIDED: { grpcCode: 3, etcdMessage: 'etcdserver: lease is provided' },
  TM_KV_TOO_MANY_OPS: {
    grpcCode: 3,
    etcdMessage: 'etcdserver: too many operations in txn request',
  },
  TM_KV_DUPLICATE_KEY: {
    grpcCode: 3,
    etcdMessage: 'etcdserver: duplicate key given in txn request',
  },
  TM_KV_REQUEST_TOO_LARGE: { grpcCode: 3, etcdMessage: 'etcdserver: request is too large' },
  TM_KV_COMPACTED: {
    grpcCode: 11,
    etcdMessage: 'etcdserver: mvcc: required revision has been compacted',
  },
  TM_KV_FUTURE: {
    grpcCode: 11,
    etcdMessage: 'etcdserver: mvcc: required revision is a future revision',
  },
  TM_KV_NO_SPACE: { grpcCode: 8, etcdMessage: 'etcdserver: mvcc: database space exceeded' },
  TM_KV_LEASE_NOT_FOUND: { grpcCode: 5, etcdMessage: 'etcdserver: requested lease not found' },
  TM_KV_LEASE_EXISTS: { grpcCode: 9, etcdMessage: 'etcdserver: lease already exists' },
  TM_KV_LEASE_TTL: { grpcCode: 11, etcdMessage: 'etcdserver: too large lease TTL' },
  TM_KV_OVERLOADED: { grpcCode: 8, etcdMessage: 'etcdserver: too many requests' },
  TM_KV_CLOSED: { grpcCode: 14, etcdMessage: 'etcdserver: server stopped' },
}
