import type { AccessRecord } from './access-record.ts'

/** Gives a text of the record; empty stands for none. */
export type TextOf = (record: AccessRecord) => string

/** What an operator takes from a record. Numbers below 0 stand for none. */
export type Operator =
  | {
      readonly kind: 'text'
      readonly read: TextOf
      /** Whether few different values are usual. */
      readonly repeats: boolean
    }
  | {
      readonly kind: 'integer' | 'millis' | 'time'
      readonly read: (record: AccessRecord) => number
    }

const text = (read: TextOf, repeats = true): Operator => ({ kind: 'text', read, repeats })
const integer = (read: (record: AccessRecord) => number): Operator => ({ kind: 'integer', read })
const millis = (read: (record: AccessRecord) => number): Operator => ({ kind: 'millis', read })

export function protocolOf(record: AccessRecord): string {
  return record.version === 20 ? 'HTTP/2' : record.version === 10 ? 'HTTP/1.0' : 'HTTP/1.1'
}

/**
 * Command operators by name, those of Envoy's access log (docs: configuration/observability/access_log/usage) that
 * have a meaning here, and after them ours. REQ and RESP take an argument and are compiled apart.
 */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['START_TIME', { kind: 'time', read: (record) => record.at }],
  ['PROTOCOL', text(protocolOf)],
  ['RESPONSE_CODE', integer((record) => record.status)],
  ['RESPONSE_CODE_DETAILS', text((record) => record.code)],
  ['RESPONSE_FLAGS', text((record) => record.flag)],
  ['BYTES_RECEIVED', integer((record) => record.bytesIn)],
  ['BYTES_SENT', integer((record) => record.bytesOut)],
  ['DURATION', millis((record) => record.totalMs)],
  ['RESPONSE_DURATION', millis((record) => record.firstByteMs)],
  ['UPSTREAM_HOST', text((record) => record.host)],
  ['UPSTREAM_CLUSTER', text((record) => record.upstream)],
  ['UPSTREAM_REQUEST_ATTEMPT_COUNT', integer((record) => record.attempts)],
  ['ROUTE_NAME', text((record) => record.route)],
  ['REQUESTED_SERVER_NAME', text((record) => record.serverName)],
  ['DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', text((record) => record.clientAddress)],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT', text((record) => record.remoteAddress)],
  ['DOWNSTREAM_LOCAL_PORT', integer((record) => record.port)],
  ['REQUEST_ID', text((record) => record.requestId, false)],
  ['METHOD', text((record) => record.method)],
  ['SCHEME', text((record) => record.scheme)],
  ['AUTHORITY', text((record) => record.authority)],
  ['PATH', text((record) => record.path, false)],
  ['RULE', integer((record) => record.rule)],
  ['CONSUMER', text((record) => record.consumer)],
  ['CONFIG_REVISION', integer((record) => record.revision)],
  ['QUEUE_DURATION', millis((record) => record.queueMs)],
  ['CONNECT_DURATION', millis((record) => record.connectMs)],
])

/** The value of the first field of that name; empty for none. */
export function fieldOf(headers: readonly string[], name: string): string {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) return headers[i + 1] as string
  }
  return ''
}
