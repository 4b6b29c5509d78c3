import { type ErrorTable, errorTable } from '@tidemill/core'

export type SagaErrorCode =
  | 'TM_SAGA_DEFINITION'
  | 'TM_SAGA_INVALID_KEY'
  | 'TM_SAGA_INVALID_INPUT'
  | 'TM_SAGA_PAYLOAD_TOO_LARGE'
  | 'TM_SAGA_IDEMPOTENCY_CONFLICT'
  | 'TM_SAGA_REJECTED'
  | 'TM_SAGA_HANDLER_CONTRACT'
  | 'TM_SAGA_ATTEMPT_TIMEOUT'
  | 'TM_SAGA_DESTINATION'
  | 'TM_SAGA_UNKNOWN_DEFINITION'
  | 'TM_SAGA_UNKNOWN_STEP'
  | 'TM_SAGA_NOT_FOUND'
  | 'TM_SAGA_ENDED'
  | 'TM_SAGA_PIVOT_PASSED'
  | 'TM_SAGA_NOT_DEAD'
  | 'TM_SAGA_OPTIONS'

/** Errors of `@tidemill/saga`. */
export const sagaErrors: ErrorTable<SagaErrorCode> = errorTable('saga', {
  TM_SAGA_DEFINITION: {
    message: 'the saga definition "{type}" version {version} is not usable: {first}',
    hint: 'Mend every problem listed in details.problems.',
    zh: {
      message: 'Saga 定义 "{type}" 版本 {version} 不可用：{first}',
      hint: '请修正 details.problems 中列出的所有问题。',
    },
    http: 500,
  },
  TM_SAGA_INVALID_KEY: {
    message: '{name} is not usable: {received}',
    hint: 'Use 1 to 64 bytes of printable text.',
    zh: { message: '{name} 不可用：{received}', hint: '请使用 1 到 64 字节的可打印文本。' },
    http: 400,
  },
  TM_SAGA_INVALID_INPUT: {
    message: 'the input of saga "{type}" is refused: {first}',
    hint: 'Mend every problem listed in details.problems; nothing was written.',
    zh: {
      message: 'Saga "{type}" 的输入被拒绝：{first}',
      hint: '请修正 details.problems 中列出的所有问题；没有写入任何数据。',
    },
    http: 422,
  },
  TM_SAGA_PAYLOAD_TOO_LARGE: {
    message: 'the {what} of saga "{type}" is {bytes} bytes, more than {limit}',
    hint: 'Store the bulk elsewhere and pass a reference to it.',
    zh: {
      message: 'Saga "{type}" 的 {what} 为 {bytes} 字节，超过上限 {limit}',
      hint: '请把大块数据存放在别处，只传递引用。',
    },
    http: 413,
  },
  TM_SAGA_IDEMPOTENCY_CONFLICT: {
    message: 'saga "{type}" of key "{bizKey}" was started with another input',
    hint: 'Repeat a start with the same input, or use a new key.',
    zh: {
      message: '键 "{bizKey}" 的 Saga "{type}" 已用不同的输入启动',
      hint: '请用相同的输入重复启动，或使用新的键。',
    },
    http: 409,
  },
  TM_SAGA_REJECTED: {
    message: 'the participant refused: {reason}',
    hint: 'The saga compensates what was done; see details.',
    zh: { message: '参与者拒绝：{reason}', hint: 'Saga 会补偿已完成的步骤；见 details。' },
    http: 409,
  },
  TM_SAGA_HANDLER_CONTRACT: {
    message:
      'destination "{to}" answered step "{step}" with something else than an answer: {received}',
    hint: 'Answer {outcome, result?, reason?} with a result that JSON can hold.',
    zh: {
      message: '目标 "{to}" 对步骤 "{step}" 的应答不合约定：{received}',
      hint: '请应答 {outcome, result?, reason?}，且 result 必须能用 JSON 表示。',
    },
    http: 502,
  },
  TM_SAGA_ATTEMPT_TIMEOUT: {
    message:
      'destination "{to}" did not answer step "{step}" within {ms} ms; its outcome is unknown',
    hint: 'The step is tried again with the same key; raise its timeout if the participant needs longer.',
    zh: {
      message: '目标 "{to}" 未在 {ms} 毫秒内应答步骤 "{step}"，结果未知',
      hint: '该步骤会以相同的键重试；若参与者确实需要更久，请加大超时。',
    },
    http: 504,
    retryable: true,
  },
  TM_SAGA_DESTINATION: {
    message: 'destination "{to}" answered HTTP {status}; the outcome is unknown',
    hint: 'Answer 200 for done, 409 for refused, 425 for still running.',
    zh: {
      message: '目标 "{to}" 返回 HTTP {status}，结果未知',
      hint: '完成请返回 200，拒绝返回 409，仍在执行返回 425。',
    },
    http: 502,
    retryable: true,
  },
  TM_SAGA_UNKNOWN_DEFINITION: {
    message: 'no definition "{type}" version {version} is known here',
    hint: 'Pass every definition that still has open sagas to openSagas.',
    zh: {
      message: '此处没有定义 "{type}" 版本 {version}',
      hint: '请把仍有未结束 Saga 的所有定义都传给 openSagas。',
    },
    http: 503,
    retryable: true,
  },
  TM_SAGA_UNKNOWN_STEP: {
    message: 'saga "{sagaId}" has no step "{step}"',
    hint: 'Name a step of the definition that the saga was started with.',
    zh: {
      message: 'Saga "{sagaId}" 没有步骤 "{step}"',
      hint: '请使用该 Saga 启动时所用定义中的步骤名。',
    },
    http: 404,
  },
  TM_SAGA_NOT_FOUND: {
    message: 'there is no {what} "{id}"',
    hint: 'Check the id with list() or deadLetters().',
    zh: { message: '不存在 {what} "{id}"', hint: '请用 list() 或 deadLetters() 核对编号。' },
    http: 404,
  },
  TM_SAGA_ENDED: {
    message: 'saga "{id}" has ended as {state}',
    hint: 'Start a new saga with a new key.',
    zh: { message: 'Saga "{id}" 已以 {state} 结束', hint: '请用新的键启动新的 Saga。' },
    http: 409,
  },
  TM_SAGA_PIVOT_PASSED: {
    message: 'saga "{id}" has passed its pivot and can only go forward',
    hint: 'Undo its effects with a saga of your own, for example a refund.',
    zh: {
      message: 'Saga "{id}" 已越过不可回退点，只能继续向前',
      hint: '请用另一个 Saga（例如退款）来撤销其效果。',
    },
    http: 409,
  },
  TM_SAGA_NOT_DEAD: {
    message: 'message {id} is not a dead letter',
    hint: 'Only what deadLetters() lists can be redriven or discarded.',
    zh: { message: '消息 {id} 不是死信', hint: '只有 deadLetters() 列出的消息才能重投或丢弃。' },
    http: 409,
  },
  TM_SAGA_OPTIONS: {
    message: 'the options of openSagas are not usable: {first}',
    hint: 'Mend every problem listed in details.problems.',
    zh: {
      message: 'openSagas 的选项不可用：{first}',
      hint: '请修正 details.problems 中列出的所有问题。',
    },
    http: 500,
  },
})
