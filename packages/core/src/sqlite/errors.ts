import { type ErrorTable, errorTable } from '../error-table.ts'

export type SqliteErrorCode =
  | 'TM_SQLITE_OWNED'
  | 'TM_SQLITE_BUSY'
  | 'TM_SQLITE_FULL'
  | 'TM_SQLITE_CORRUPT'
  | 'TM_SQLITE_CANTOPEN'
  | 'TM_SQLITE_READONLY'
  | 'TM_SQLITE_IO'
  | 'TM_SQLITE_FAILED'

/** What can go wrong with a SQLite file, whoever uses it. */
export const sqliteErrors: ErrorTable<SqliteErrorCode> = errorTable('sqlite', {
  TM_SQLITE_OWNED: {
    message: '"{file}" is in use by process {pid} on {host}',
    hint: 'Stop process {pid}, or use another file or data directory. One process owns a database file.',
    zh: {
      message: '"{file}" 正被 {host} 上的进程 {pid} 使用',
      hint: '请停止进程 {pid}，或换一个文件或数据目录。一个数据库文件只能由一个进程占用。',
    },
    http: 503,
  },
  TM_SQLITE_BUSY: {
    message: '"{file}" is locked by another connection ({reason})',
    hint: 'Close the other program that has the file open (a database browser, a backup), then try again.',
    zh: {
      message: '"{file}" 被另一个连接锁定（{reason}）',
      hint: '请关闭打开该文件的其他程序（数据库浏览器、备份等），然后重试。',
    },
    http: 503,
    retryable: true,
  },
  TM_SQLITE_FULL: {
    message: 'no space left for "{file}" ({reason})',
    hint: 'Free space on the disk that holds the file; nothing of the refused write was kept.',
    zh: {
      message: '"{file}" 没有剩余空间（{reason}）',
      hint: '请在该文件所在的磁盘上腾出空间；被拒绝的写入没有留下任何内容。',
    },
    http: 507,
    retryable: true,
  },
  TM_SQLITE_CORRUPT: {
    message: '"{file}" is not a sound SQLite database ({reason})',
    hint: 'Stop, keep a copy of the file with its -wal, run "PRAGMA integrity_check" on the copy, and restore from a backup.',
    zh: {
      message: '"{file}" 不是完好的 SQLite 数据库（{reason}）',
      hint: '请停止写入，连同 -wal 一起保留副本，对副本执行 "PRAGMA integrity_check"，并从备份恢复。',
    },
    http: 500,
  },
  TM_SQLITE_CANTOPEN: {
    message: 'cannot open "{file}" ({reason})',
    hint: 'Check that the path is right, that its folder can be made, and that this user may read and write there.',
    zh: {
      message: '无法打开 "{file}"（{reason}）',
      hint: '请检查路径是否正确、目录能否创建，以及当前用户是否有读写权限。',
    },
    http: 500,
  },
  TM_SQLITE_READONLY: {
    message: '"{file}" cannot be written ({reason})',
    hint: 'Give this user write permission on the file and its folder, or open it for writing.',
    zh: {
      message: '"{file}" 无法写入（{reason}）',
      hint: '请授予当前用户对该文件及其目录的写权限，或以可写方式打开。',
    },
    http: 500,
  },
  TM_SQLITE_IO: {
    message: 'reading or writing "{file}" failed ({reason})',
    hint: 'Check the disk and the system log; do not trust the last unacknowledged writes.',
    zh: {
      message: '读写 "{file}" 失败（{reason}）',
      hint: '请检查磁盘和系统日志；不要信任最后未确认的写入。',
    },
    http: 500,
  },
  TM_SQLITE_FAILED: {
    message: 'SQLite refused an operation on "{file}": {reason}',
    hint: 'Look at the reason; it comes from SQLite and names the table, column or syntax.',
    zh: {
      message: 'SQLite 拒绝了对 "{file}" 的操作：{reason}',
      hint: '请查看原因；它来自 SQLite，会指出表、列或语法。',
    },
    http: 500,
  },
})
