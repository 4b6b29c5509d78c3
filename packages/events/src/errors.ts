import { type ErrorTable, errorTable } from '@tidemill/core'

export type EventsErrorCode =
  | 'TM_EVENTS_EMPTY_APPEND'
  | 'TM_EVENTS_INVALID_EXPECTED'
  | 'TM_EVENTS_INVALID_INPUT'
  | 'TM_EVENTS_INVALID_PAYLOAD'
  | 'TM_EVENTS_EVENT_TOO_LARGE'
  | 'TM_EVENTS_BATCH_TOO_LARGE'
  | 'TM_EVENTS_WRONG_VERSION'
  | 'TM_EVENTS_DUPLICATE_ID'
  | 'TM_EVENTS_STREAM_ARCHIVED'
  | 'TM_EVENTS_CONDITION_FAILED'
  | 'TM_EVENTS_ROWS_LOST'
  | 'TM_EVENTS_STORED_PAYLOAD'
  | 'TM_EVENTS_UPCASTER_MISSING'
  | 'TM_EVENTS_SCHEMA_NEWER'
  | 'TM_EVENTS_TYPE_UNKNOWN'
  | 'TM_EVENTS_DIALECT'
  | 'TM_EVENTS_INVALID_DEFINITION'
  | 'TM_EVENTS_FENCED'
  | 'TM_EVENTS_PROCESSOR_STOPPED'
  | 'TM_EVENTS_PARK_FULL'
  | 'TM_EVENTS_NOT_PARKED'
  | 'TM_EVENTS_SWITCH_BEHIND'
  | 'TM_EVENTS_SUPERSEDED'

/** Errors of `@tidemill/events`. */
export const eventsErrors: ErrorTable<EventsErrorCode> = errorTable('events', {
  TM_EVENTS_EMPTY_APPEND: {
    message: 'nothing to append to stream "{stream}"',
    hint: 'Pass at least one event; skip the call when a decision yields none.',
    zh: {
      message: '没有要追加到流 "{stream}" 的事件',
      hint: '请至少传入一个事件；若决策没有产生事件，请不要调用。',
    },
    http: 400,
  },
  TM_EVENTS_INVALID_EXPECTED: {
    message: 'expected version {received} of stream "{stream}" is not valid',
    hint: "Pass 'any', 'none', 'exists' or a whole number from 0.",
    zh: {
      message: '流 "{stream}" 的期望版本 {received} 不合法',
      hint: "请传入 'any'、'none'、'exists' 或从 0 开始的整数。",
    },
    http: 400,
  },
  TM_EVENTS_INVALID_INPUT: {
    message: 'the input is not valid: {summary}',
    hint: 'Correct every entry of details.problems; nothing was written.',
    zh: {
      message: '输入不合法：{summary}',
      hint: '请修正 details.problems 中的每一项；未写入任何数据。',
    },
    http: 400,
  },
  TM_EVENTS_INVALID_PAYLOAD: {
    message: 'an event payload is not plain JSON: {summary}',
    hint: 'Use only null, booleans, finite numbers, well-formed strings, arrays and plain objects; money as whole minor units.',
    zh: {
      message: '事件载荷不是纯 JSON：{summary}',
      hint: '只能使用 null、布尔值、有限数、合法字符串、数组和普通对象；金额请用最小货币单位的整数。',
    },
    http: 400,
  },
  TM_EVENTS_EVENT_TOO_LARGE: {
    message: 'event {index} ("{type}") is {bytes} bytes; the limit is {limit}',
    hint: 'Store the large part elsewhere and put its reference in the event.',
    zh: {
      message: '第 {index} 个事件（"{type}"）为 {bytes} 字节；上限为 {limit}',
      hint: '请把大块内容存放到别处，事件中只放引用。',
    },
    http: 413,
  },
  TM_EVENTS_BATCH_TOO_LARGE: {
    message:
      'the append has {events} events of {bytes} bytes; the limits are {maxEvents} and {maxBytes}',
    hint: 'Split it into several appends.',
    zh: {
      message: '本次追加共 {events} 个事件、{bytes} 字节；上限为 {maxEvents} 个、{maxBytes} 字节',
      hint: '请拆分成多次追加。',
    },
    http: 413,
  },
  TM_EVENTS_WRONG_VERSION: {
    message: 'stream "{stream}" is at version {actual}, expected {expected}',
    hint: 'Load the stream again and decide anew; somebody else appended in between.',
    zh: {
      message: '流 "{stream}" 的版本是 {actual}，期望 {expected}',
      hint: '请重新加载该流并重新决策；其间有其他写入者追加了事件。',
    },
    http: 409,
  },
  TM_EVENTS_DUPLICATE_ID: {
    message: 'some event ids of this append are stored already, but not as this same append',
    hint: 'Repeat an append with exactly the same events in the same order, or use new ids.',
    zh: {
      message: '本次追加的部分事件 id 已存在，但与原来的追加不一致',
      hint: '重试时请使用完全相同、顺序一致的事件，否则请使用新的 id。',
    },
    http: 409,
  },
  TM_EVENTS_STREAM_ARCHIVED: {
    message: 'stream "{stream}" is archived and takes no more events',
    hint: 'Append to a new stream.',
    zh: { message: '流 "{stream}" 已归档，不再接受事件', hint: '请追加到新的流。' },
    http: 409,
  },
  TM_EVENTS_CONDITION_FAILED: {
    message: 'an event at position {position} meets the append condition; nothing was written',
    hint: 'Read the tagged events again and decide anew.',
    zh: {
      message: '位置 {position} 的事件满足追加条件，未写入任何数据',
      hint: '请重新读取带标签的事件并重新决策。',
    },
    http: 409,
  },
  TM_EVENTS_ROWS_LOST: {
    message: 'the database stored {stored} of {wanted} events; the transaction is undone',
    hint: 'Run verify() and check the engine; this must never happen.',
    zh: {
      message: '数据库只保存了 {wanted} 个事件中的 {stored} 个；事务已撤销',
      hint: '请运行 verify() 并检查数据库引擎；这种情况不应发生。',
    },
    http: 500,
  },
  TM_EVENTS_STORED_PAYLOAD: {
    message: 'the stored event at position {position} cannot be read: {reason}',
    hint: 'Somebody wrote to tm_event by hand; restore the row from a backup.',
    zh: {
      message: '位置 {position} 的已存事件无法读取：{reason}',
      hint: '有人手工修改了 tm_event；请从备份恢复该行。',
    },
    http: 500,
  },
  TM_EVENTS_UPCASTER_MISSING: {
    message: 'no upcaster takes "{type}" at position {position} from schema version {from} to {to}',
    hint: 'Add the upcaster for that version to the event schema.',
    zh: {
      message: '没有把位置 {position} 的 "{type}" 从模式版本 {from} 升级到 {to} 的转换器',
      hint: '请在事件模式中补上该版本的转换器。',
    },
    http: 500,
  },
  TM_EVENTS_SCHEMA_NEWER: {
    message:
      '"{type}" at position {position} has schema version {stored}; this code knows up to {known}',
    hint: 'Deploy the code that knows the newer version before it reads.',
    zh: {
      message: '位置 {position} 的 "{type}" 模式版本为 {stored}；当前代码最高支持 {known}',
      hint: '请先部署支持新版本的代码再读取。',
    },
    http: 500,
  },
  TM_EVENTS_TYPE_UNKNOWN: {
    message: 'event type "{type}" at position {position} is not in the event schema',
    hint: "Declare the type, add an alias for its old name, or set unknown: 'ignore'.",
    zh: {
      message: '位置 {position} 的事件类型 "{type}" 不在事件模式中',
      hint: "请声明该类型、为旧名称添加别名，或设置 unknown: 'ignore'。",
    },
    http: 500,
  },
  TM_EVENTS_DIALECT: {
    message: 'the event store has no SQL text for the dialect "{dialect}"',
    hint: 'Open it on a database of a dialect that is listed in the README.',
    zh: {
      message: '事件存储没有方言 "{dialect}" 的 SQL 文本',
      hint: '请使用 README 中列出的数据库方言。',
    },
    http: 500,
  },
  TM_EVENTS_INVALID_DEFINITION: {
    message: 'the definition of "{name}" is not valid: {summary}',
    hint: 'Correct every entry of details.problems.',
    zh: {
      message: '"{name}" 的定义不合法：{summary}',
      hint: '请修正 details.problems 中的每一项。',
    },
    http: 500,
  },
  TM_EVENTS_FENCED: {
    message: 'processor "{processor}" version {version} is owned by somebody else now',
    hint: 'Nothing to do: this instance stands by and takes over when the owner is gone.',
    zh: {
      message: '处理器 "{processor}" 版本 {version} 现由其他实例持有',
      hint: '无需处理：本实例转入待命，持有者离开后自动接管。',
    },
    http: 409,
  },
  TM_EVENTS_PROCESSOR_STOPPED: {
    message: 'processor "{processor}" stopped at position {position}: {reason}',
    hint: 'Repair the handler or the data, then resume(); or skip or park the event by policy.',
    zh: {
      message: '处理器 "{processor}" 停在位置 {position}：{reason}',
      hint: '请修复处理函数或数据后调用 resume()；或通过策略跳过、停放该事件。',
    },
    http: 500,
  },
  TM_EVENTS_PARK_FULL: {
    message: 'processor "{processor}" has {limit} parked events and parks no more',
    hint: 'Replay or discard the parked events, then resume().',
    zh: {
      message: '处理器 "{processor}" 已停放 {limit} 个事件，不再停放',
      hint: '请重放或丢弃已停放的事件，然后调用 resume()。',
    },
    http: 500,
  },
  TM_EVENTS_NOT_PARKED: {
    message: 'processor "{processor}" has no parked event at position {position}',
    hint: 'List what is parked with parked().',
    zh: {
      message: '处理器 "{processor}" 在位置 {position} 没有停放的事件',
      hint: '请用 parked() 查看已停放的事件。',
    },
    http: 404,
  },
  TM_EVENTS_SWITCH_BEHIND: {
    message:
      'projection "{processor}" cannot switch to version {version}: {events} events are still to do',
    hint: 'Let the rebuild and the active version catch up, then switch again.',
    zh: {
      message: '投影 "{processor}" 无法切换到版本 {version}：还有 {events} 个事件待处理',
      hint: '请等待重建和当前版本追上后再切换。',
    },
    http: 409,
    retryable: true,
  },
  TM_EVENTS_SUPERSEDED: {
    message: 'version {active} of projection "{processor}" has replaced version {version}',
    hint: 'Run the newer version; to go back, give the old code a higher version number.',
    zh: {
      message: '投影 "{processor}" 的版本 {version} 已被版本 {active} 取代',
      hint: '请运行较新的版本；如需回退，请为旧代码指定更高的版本号。',
    },
    http: 409,
  },
})
