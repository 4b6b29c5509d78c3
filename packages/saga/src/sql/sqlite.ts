import type { SagaText } from './text.ts'

const messageKey = 'tenant = ? AND biz_key = ? AND step = ? AND direction = ? AND seq = ?'

/** First in its key, nothing of its key under way. Parameters: JSON definitions, JSON blocked destinations, now. */
const claimable = `m.def IN (SELECT value FROM json_each(?)) AND m.dest NOT IN (SELECT value FROM json_each(?))
AND NOT EXISTS (SELECT 1 FROM local_msg p WHERE p.tenant = m.tenant AND p.biz_key = m.biz_key AND p.status = 0 AND p.id <> m.id
  AND (p.seq < m.seq OR (p.seq = m.seq AND p.id < m.id) OR (p.lease_owner IS NOT NULL AND p.next_at > ?)))`

/** SQLite 3.38 or newer (json_each). One writer at a time, so a read followed by a write needs no lock. */
export const sqliteText: SagaText = {
  sagasOfKey:
    'SELECT saga_id, type, def_version, seq, data FROM saga WHERE tenant = ? AND biz_key = ?',
  insertSaga: `INSERT INTO saga (saga_id, type, def_version, tenant, biz_key, seq, status, state_version, data, deadline_at, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, 'running', 1, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  sagaById: 'SELECT * FROM saga WHERE saga_id = ?',
  sagaByKey: 'SELECT * FROM saga WHERE tenant = ? AND type = ? AND biz_key = ?',
  advanceSaga:
    'UPDATE saga SET state_version = state_version + 1, stuck = NULL, updated_at = ? WHERE saga_id = ? AND state_version = ?',
  turnSaga: `UPDATE saga SET status = 'compensating', state_version = state_version + 1, reason = ?, ends_as = ?, deadline_at = NULL, stuck = NULL, updated_at = ? WHERE saga_id = ? AND state_version = ?`,
  endSaga:
    'UPDATE saga SET status = ?, state_version = state_version + 1, stuck = NULL, updated_at = ?, ended_at = ? WHERE saga_id = ? AND state_version = ?',
  stickSaga:
    'UPDATE saga SET stuck = ?, state_version = state_version + 1, updated_at = ? WHERE saga_id = ? AND state_version = ?',
  markWaited:
    'UPDATE saga SET waited = 1, state_version = state_version + 1 WHERE tenant = ? AND biz_key = ? AND seq < ? AND ended_at IS NULL',
  dropDeadline: 'UPDATE saga SET deadline_at = NULL WHERE saga_id = ?',
  unstickSaga:
    'UPDATE saga SET stuck = NULL, state_version = state_version + 1 WHERE saga_id = ? AND ended_at IS NULL',
  insertMessage: `INSERT INTO local_msg (tenant, saga_id, def, biz_key, step, direction, seq, bucket, dest, status, attempts, unanswered, next_at, lease_owner, lease_fence, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
  ackMessage: `UPDATE local_msg SET status = 1, done_at = ?, lease_owner = NULL WHERE ${messageKey} AND lease_fence = ? AND status = 0`,
  ackUnfenced: `UPDATE local_msg SET status = 1, done_at = ?, lease_owner = NULL WHERE ${messageKey} AND status = 0`,
  retryMessage: `UPDATE local_msg SET next_at = ?, attempts = attempts - ?, unanswered = 0, lease_owner = NULL, last_error = ? WHERE ${messageKey} AND lease_fence = ? AND status = 0`,
  buryMessage: `UPDATE local_msg SET status = 3, done_at = ?, lease_owner = NULL, last_error = ? WHERE ${messageKey} AND lease_fence = ? AND status = 0`,
  killMessage:
    'UPDATE local_msg SET status = 3, last_error = ? WHERE tenant = ? AND biz_key = ? AND step = ? AND direction = 1 AND seq = ? AND status = 1',
  undoneMessage:
    'UPDATE local_msg SET status = 2, done_at = ? WHERE tenant = ? AND biz_key = ? AND step = ? AND direction = 1 AND seq = ?',
  messagesOfSaga:
    'SELECT * FROM local_msg WHERE tenant = ? AND biz_key = ? AND seq = ? ORDER BY id',
  cancelForward:
    'UPDATE local_msg SET status = 4, done_at = ?, lease_owner = NULL WHERE tenant = ? AND biz_key = ? AND seq = ? AND direction = 1 AND status IN (0, 3)',
  firstPending:
    'SELECT id, step, direction, lease_fence, attempts FROM local_msg WHERE tenant = ? AND biz_key = ? AND seq = ? AND status = 0 ORDER BY id LIMIT 1',
  leaseMessage:
    'UPDATE local_msg SET next_at = ?, lease_owner = ?, lease_fence = lease_fence + 1, attempts = attempts + 1, unanswered = unanswered + 1 WHERE id = ? AND status = 0',
  pendingBefore:
    'SELECT 1 AS found FROM local_msg WHERE tenant = ? AND biz_key = ? AND seq < ? AND status = 0 LIMIT 1',
  wakeKey:
    'UPDATE local_msg SET next_at = ? WHERE tenant = ? AND biz_key = ? AND status = 0 AND lease_owner IS NULL AND next_at > ?',
  putStep: `INSERT INTO saga_step (saga_id, step, direction, status, attempt, result, error, ended_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET status = excluded.status, attempt = excluded.attempt, result = excluded.result, error = excluded.error, ended_at = excluded.ended_at`,
  stepsOfSaga: 'SELECT * FROM saga_step WHERE saga_id = ?',
  forwardStep: 'SELECT status FROM saga_step WHERE saga_id = ? AND step = ? AND direction = 1',
  resultsOfSaga: `SELECT step, result FROM saga_step WHERE saga_id = ? AND direction = 1 AND status = 'done' AND result IS NOT NULL`,
  messageById: 'SELECT * FROM local_msg WHERE id = ?',
  discardMessage: 'UPDATE local_msg SET status = 4, done_at = ? WHERE id = ? AND status = 3',
  redriveMessage:
    'UPDATE local_msg SET status = 0, attempts = 0, unanswered = 0, payload = coalesce(?, payload), lease_owner = NULL, lease_fence = lease_fence + 1, done_at = NULL, next_at = ? WHERE id = ? AND status = 3',
  hastenSaga:
    'UPDATE local_msg SET next_at = ? WHERE tenant = ? AND biz_key = ? AND seq = ? AND status = 0 AND lease_owner IS NULL',
  insertAudit:
    'INSERT INTO saga_audit (at, action, saga_id, message_id, reason) VALUES (?, ?, ?, ?, ?)',
  deadMessages: `SELECT m.*, s.data, s.type, s.def_version FROM local_msg m JOIN saga s ON s.saga_id = m.saga_id WHERE m.status = 3 AND m.id > ? ORDER BY m.id LIMIT ?`,
  listSagas: 'SELECT * FROM saga WHERE saga_id < ? ORDER BY saga_id DESC LIMIT ?',
  listSagasByStatus:
    'SELECT * FROM saga WHERE saga_id < ? AND status = ? AND stuck IS NULL ORDER BY saga_id DESC LIMIT ?',
  listStuckSagas:
    'SELECT * FROM saga WHERE ended_at IS NULL AND saga_id < ? AND stuck IS NOT NULL ORDER BY saga_id DESC LIMIT ?',
  countOpen: `SELECT count(*) AS open, coalesce(sum(status = 'compensating'), 0) AS compensating, coalesce(sum(stuck IS NOT NULL), 0) AS stuck, (SELECT count(*) FROM local_msg WHERE status = 0) AS pending, (SELECT count(*) FROM local_msg WHERE status = 3) AS dead FROM saga WHERE ended_at IS NULL`,
  anyPending: 'SELECT 1 AS found FROM local_msg WHERE status = 0 LIMIT 1',

  putMember:
    'INSERT INTO tm_member (owner, until) VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until',
  dropMembers: 'DELETE FROM tm_member WHERE until <= ? OR until > ?',
  countMembers: 'SELECT count(*) AS live FROM tm_member',
  renewBuckets: 'UPDATE tm_lease SET until = ? WHERE owner = ? AND until > ?',
  bucketsOf: 'SELECT bucket FROM tm_lease WHERE owner = ? AND until > ? ORDER BY bucket',
  takeBuckets: `UPDATE tm_lease SET owner = ?, fence = fence + 1, until = ? WHERE bucket IN (SELECT bucket FROM tm_lease WHERE owner = '' OR until <= ? OR until > ? ORDER BY bucket LIMIT ?)`,
  takeAllBuckets: 'UPDATE tm_lease SET owner = ?, fence = fence + 1, until = ?',
  releaseBuckets: `UPDATE tm_lease SET owner = '', until = 0 WHERE owner = ? AND bucket IN (SELECT value FROM json_each(?))`,
  dropMember: 'DELETE FROM tm_member WHERE owner = ?',
  releaseLeases:
    'UPDATE local_msg SET next_at = ?, lease_owner = NULL WHERE status = 0 AND lease_owner IS NOT NULL',

  dueInBucket: `SELECT m.* FROM local_msg m WHERE m.bucket = ? AND m.status = 0 AND m.next_at <= ? AND ${claimable} ORDER BY m.next_at LIMIT ?`,
  orphans: `SELECT m.* FROM local_msg m WHERE m.status = 0 AND m.bucket BETWEEN 0 AND 63 AND m.next_at <= ? AND ${claimable} ORDER BY m.next_at LIMIT ?`,
  dueBuckets:
    'SELECT b.value AS bucket FROM json_each(?) b WHERE EXISTS (SELECT 1 FROM local_msg WHERE bucket = b.value AND status = 0 AND next_at <= ?)',
  nextDue:
    'SELECT min((SELECT next_at FROM local_msg WHERE bucket = b.value AND status = 0 AND next_at > ? ORDER BY next_at LIMIT 1)) AS due FROM json_each(?) b',
  claimMessages: `UPDATE local_msg SET lease_owner = ?, lease_fence = lease_fence + 1, next_at = ?, attempts = attempts + 1, unanswered = unanswered + 1
WHERE status = 0 AND id IN (SELECT value FROM json_each(?))`,
  sagasById:
    'SELECT saga_id, data, state_version, waited FROM saga WHERE saga_id IN (SELECT value FROM json_each(?))',
  resultsById: `SELECT saga_id, step, result FROM saga_step WHERE saga_id IN (SELECT value FROM json_each(?)) AND direction = 1 AND status = 'done' AND result IS NOT NULL`,
  parkMessage: `UPDATE local_msg SET next_at = ?, attempts = attempts - 1, unanswered = unanswered - 1, lease_owner = NULL
WHERE ${messageKey} AND lease_fence = ? AND status = 0`,
  mendClock:
    'UPDATE local_msg SET next_at = ? WHERE status = 0 AND bucket IN (SELECT value FROM json_each(?)) AND next_at > ?',
  expiredSagas:
    'SELECT saga_id, type, def_version, tenant, biz_key, seq FROM saga WHERE ended_at IS NULL AND deadline_at <= ? ORDER BY deadline_at LIMIT ?',
  nextDeadline:
    'SELECT deadline_at FROM saga WHERE ended_at IS NULL AND deadline_at IS NOT NULL ORDER BY deadline_at LIMIT 1',
  oldMessages:
    'SELECT m.id, m.status, m.created_at, m.done_at, s.ended_at FROM local_msg m JOIN saga s ON s.saga_id = m.saga_id WHERE m.id > ? ORDER BY m.id LIMIT ?',
  deleteMessages: 'DELETE FROM local_msg WHERE id IN (SELECT value FROM json_each(?))',

  insertBarrier: `INSERT INTO saga_barrier (tenant, saga_id, step, op, reason, outcome, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  barrierRow:
    'SELECT reason, outcome, result FROM saga_barrier WHERE tenant = ? AND saga_id = ? AND step = ? AND op = ?',
  setBarrier:
    'UPDATE saga_barrier SET outcome = ?, result = ? WHERE tenant = ? AND saga_id = ? AND step = ? AND op = ?',
  // Saga ids begin with their time, so the old ones are one range of the key.
  purgeBarrier: `DELETE FROM saga_barrier WHERE (tenant, saga_id, step, op) IN
(SELECT tenant, saga_id, step, op FROM saga_barrier WHERE tenant = ? AND saga_id < ? AND created_at < ? LIMIT ?)`,
}
