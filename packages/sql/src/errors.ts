import { type ErrorTable, errorTable } from '@tidemill/core'

export type SqlErrorCode =
  | 'TM_SQL_OPTIONS'
  | 'TM_SQL_OVERLOADED'
  | 'TM_SQL_CLOSED'
  | 'TM_SQL_READ_ONLY'
  | 'TM_SQL_WORKER_LOST'
  | 'TM_SQL_OUTCOME_UNKNOWN'
  | 'TM_SQL_PROCEDURE_MISSING'
  | 'TM_SQL_PROCEDURE_FAILED'
  | 'TM_SQL_NOT_CLONEABLE'
  | 'TM_SQL_CONSTRAINT'
  | 'TM_SQL_STATEMENT'
  | 'TM_SQL_RESULT_TOO_LARGE'
  | 'TM_SQL_TX_TIMEOUT'
  | 'TM_SQL_TX_ENDED'
  | 'TM_SQL_MIGRATION_INVALID'
  | 'TM_SQL_MIGRATION_CHANGED'
  | 'TM_SQL_MIGRATION_FAILED'

/** Errors of `@tidemill/sql`. */
export const sqlErrors: ErrorTable<SqlErrorCode> = errorTable('sql', {
  TM_SQL_OPTIONS: {
    message: 'the database options are wrong: {summary}',
    hint: 'Correct the listed options; a URL looks like sqlite:./data/orders.db or sqlite::memory:.',
    zh: {
      message: '数据库选项有误：{summary}',
      hint: '请更正列出的选项；URL 形如 sqlite:./data/orders.db 或 sqlite::memory:。',
    },
    http: 400,
  },
  TM_SQL_OVERLOADED: {
    message: '{waiting} calls already wait for "{url}"',
    hint: 'Slow down and try again shortly; raise queueLimit only if bursts are short.',
    zh: {
      message: '已有 {waiting} 个调用在等待 "{url}"',
      hint: '请放慢速度稍后重试；只有在突发很短时才调大 queueLimit。',
    },
    http: 503,
    retryable: true,
  },
  TM_SQL_CLOSED: {
    message: 'the database "{url}" is closed',
    hint: 'Make the call before close(), or open the database again.',
    zh: { message: '数据库 "{url}" 已关闭', hint: '请在 close() 之前调用，或重新打开数据库。' },
    http: 503,
  },
  TM_SQL_READ_ONLY: {
    message: '"{url}" refuses writes: {reason}',
    hint: 'Remove the cause. Writes are accepted again once a trial write succeeds; a corrupted file must be restored.',
    zh: {
      message: '"{url}" 拒绝写入：{reason}',
      hint: '请排除原因。试写成功后会重新接受写入；损坏的文件必须恢复。',
    },
    http: 503,
    retryable: true,
  },
  TM_SQL_WORKER_LOST: {
    message: 'the thread that serves "{url}" has stopped: {reason}',
    hint: 'This call changed nothing. Close the database and open it again; look for what stopped the thread.',
    zh: {
      message: '为 "{url}" 服务的线程已停止：{reason}',
      hint: '本次调用没有改变任何内容。请关闭并重新打开数据库，并查明线程停止的原因。',
    },
    http: 503,
    retryable: true,
  },
  TM_SQL_OUTCOME_UNKNOWN: {
    message: 'it is unknown whether the write to "{url}" was kept: {reason}',
    hint: 'Open the database again and look the write up by its own id before repeating it.',
    zh: {
      message: '无法确定对 "{url}" 的写入是否已保存：{reason}',
      hint: '请重新打开数据库，按写入自带的 id 查询后再决定是否重做。',
    },
    http: 503,
  },
  TM_SQL_PROCEDURE_MISSING: {
    message: 'no procedure "{name}" in {module}: {reason}',
    hint: 'Export the procedure from that module under exactly that name, and pass the module its own import.meta.url.',
    zh: {
      message: '{module} 中没有过程 "{name}"：{reason}',
      hint: '请在该模块中以完全相同的名字导出该过程，并传入该模块自己的 import.meta.url。',
    },
    http: 500,
  },
  TM_SQL_PROCEDURE_FAILED: {
    message: 'the procedure "{name}" threw: {reason}',
    hint: 'Its writes were undone. Throw a TidemillError for what callers should handle; the stack is in details.',
    zh: {
      message: '过程 "{name}" 抛出异常：{reason}',
      hint: '它的写入已撤销。需要调用方处理的情况请抛出 TidemillError；堆栈见 details。',
    },
    http: 500,
  },
  TM_SQL_NOT_CLONEABLE: {
    message: 'the {side} of "{name}" cannot cross to another thread: {reason}',
    hint: 'Pass plain data: no functions, symbols or class instances with private state. See details.committed.',
    zh: {
      message: '"{name}" 的 {side} 无法传到另一个线程：{reason}',
      hint: '请传递普通数据：不含函数、Symbol 或带私有状态的类实例。参见 details.committed。',
    },
    http: 500,
  },
  TM_SQL_CONSTRAINT: {
    message: 'the {kind} constraint on {constraint} refused the write',
    hint: 'Handle the case in the procedure, or correct the value; details.kind and details.constraint tell which.',
    zh: {
      message: '{constraint} 上的 {kind} 约束拒绝了写入',
      hint: '请在过程中处理该情况或更正数值；details.kind 与 details.constraint 指出是哪一个。',
    },
    http: 409,
  },
  TM_SQL_STATEMENT: {
    message: 'the statement failed: {reason}',
    hint: 'Correct the statement or its parameters; its text is in details.sql.',
    zh: { message: '语句执行失败：{reason}', hint: '请更正语句或参数；语句文本见 details.sql。' },
    http: 500,
  },
  TM_SQL_RESULT_TOO_LARGE: {
    message: 'the query gives more than {limit}',
    hint: 'Read in pages (WHERE key > ? ORDER BY key LIMIT ?), or do the work in a procedure.',
    zh: {
      message: '查询结果超过 {limit}',
      hint: '请分页读取（WHERE key > ? ORDER BY key LIMIT ?），或在过程中完成工作。',
    },
    http: 413,
  },
  TM_SQL_TX_TIMEOUT: {
    message: 'the transaction on "{url}" was open for {ms} ms and was rolled back',
    hint: 'Keep slow work out of the transaction, and never await call() or tx() of the same database inside it.',
    zh: {
      message: '"{url}" 上的事务已打开 {ms} 毫秒，已回滚',
      hint: '请把慢操作移出事务，且不要在事务内等待同一数据库的 call() 或 tx()。',
    },
    http: 504,
  },
  TM_SQL_TX_ENDED: {
    message: 'a statement was run on a transaction of "{url}" that is over',
    hint: 'Await every statement before the function given to tx() returns.',
    zh: {
      message: '在 "{url}" 上已结束的事务中执行了语句',
      hint: '请在传给 tx() 的函数返回之前等待每条语句完成。',
    },
    http: 500,
  },
  TM_SQL_MIGRATION_INVALID: {
    message: 'the migrations of "{namespace}" cannot be applied: {summary}',
    hint: 'Number them 1, 2, 3 ... without gaps and give each the statements of this dialect.',
    zh: {
      message: '"{namespace}" 的迁移无法应用：{summary}',
      hint: '请按 1、2、3……连续编号，并为每一步提供该方言的语句。',
    },
    http: 500,
  },
  TM_SQL_MIGRATION_CHANGED: {
    message: 'migration {id} "{name}" of "{namespace}" differs from the one that was applied',
    hint: 'Restore its statements as they were and put the change into a new migration.',
    zh: {
      message: '"{namespace}" 的迁移 {id} "{name}" 与已应用的不同',
      hint: '请恢复原来的语句，并把改动写成新的迁移。',
    },
    http: 500,
  },
  TM_SQL_MIGRATION_FAILED: {
    message: 'migration {id} "{name}" of "{namespace}" failed: {reason}',
    hint: 'Correct the statement in details.sql; none of the migrations of this run were kept.',
    zh: {
      message: '"{namespace}" 的迁移 {id} "{name}" 失败：{reason}',
      hint: '请更正 details.sql 中的语句；本次运行的迁移均未保留。',
    },
    http: 500,
  },
})
