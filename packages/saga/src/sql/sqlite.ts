import type { SagaText } from './text.ts'

const messageKey = 'tenant = ? AND biz_key = ? AND step = ? AND direction = ? AND seq = ?'

/** First in its key, nothing of its key under way. Parameter: now. */
const claimable = `NOT EXISTS (SELECT 1 FROM local_msg p WHERE p.tenant = m.tenant AND p.biz_key = m.biz_key AND p.status = 0 AND p.id <> m.id
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
  ackMessage: `UPDATE local_msg SET status = 1, done_at = ?, lease_owner = NULL, outcome = ?, result = ?, last_error = coalesce(?, last_error)
WHERE ${messageKey} AND lease_fence = ? AND status = 0`,
  ackUnfenced: `UPDATE local_msg SET status = 1, done_at = ?, lease_owner = NULL, outcome = ?, result = ?, last_error = coalesce(?, last_error)
WHERE ${messageKey} AND status = 0`,
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
    'SELECT id, step, direction, lease_owner, lease_fence, next_at, attempts FROM local_msg WHERE tenant = ? AND biz_key = ? AND seq = ? AND status = 0 ORDER BY id LIMIT 1',
  leaseMessage:
    'UPDATE local_msg SET next_at = ?, lease_owner = ?, lease_fence = lease_fence + 1, attempts = attempts + 1, unanswered = unanswered + 1 WHERE id = ? AND status = 0',
  pendingBefore:
    'SELECT 1 AS found FROM local_msg WHERE tenant = ? AND biz_key = ? AND seq < ? AND status = 0 LIMIT 1',
  wakeKey:
    'UPDATE local_msg SET next_at = ? WHERE tenant = ? AND biz_key = ? AND status = 0 AND lease_owner IS NULL AND next_at > ?',
  oldStepsOfSaga: 'SELECT * FROM saga_step WHERE saga_id = ? ORDER BY started_at',
  forwardDone: `SELECT 1 AS found FROM local_msg WHERE tenant = ? AND biz_key = ? AND step = ? AND direction = 1 AND seq = ? AND outcome = 'done'`,
  resultsOfSaga: `SELECT step, result FROM local_msg WHERE tenant = ? AND biz_key = ? AND seq = ? AND direction = 1 AND outcome = 'done' AND result IS NOT NULL`,
  deadOfSaga:
    'SELECT 1 AS found FROM local_msg WHERE tenant = ? AND biz_key = ? AND seq = ? AND status = 3 LIMIT 1',
  messageById: 'SELECT * FROM local_msg WHERE id = ?',
  discardMessage: `UPDATE local_msg SET status = 4, done_at = ?, outcome = 'discarded', result = NULL, last_error = ? WHERE id = ? AND status = 3`,
  redriveMessage:
    'UPDATE local_msg SET status = 0, attempts = 0, unanswered = 0, payload = coalesce(?, payload), lease_owner = NULL, lease_fence = lease_fence + 1, outcome = NULL, result = NULL, done_at = NULL, next_at = ? WHERE id = ? AND status = 3',
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

  dueTo: `SELECT m.* FROM local_msg m WHERE m.dest = ? AND m.def = ? AND m.status = 0 AND m.next_at <= ? AND m.bucket IN (SELECT value FROM json_each(?)) AND ${claimable} ORDER BY m.next_at LIMIT ?`,
  nextDue: `SELECT min((SELECT next_at FROM local_msg WHERE dest = r.value ->> 0 AND def = r.value ->> 1 AND status = 0 AND next_at > ? ORDER BY next_at LIMIT 1)) AS due FROM json_each(?) r`,
  claimMessages: `UPDATE local_msg SET lease_owner = ?, lease_fence = lease_fence + 1, next_at = ?, attempts = attempts + 1, unanswered = unanswered + 1
WHERE status = 0 AND id IN (SELECT value FROM json_each(?))`,
  sagasById:
    'SELECT saga_id, data, state_version, waited FROM saga WHERE saga_id IN (SELECT value FROM json_each(?))',
  resultsById: `SELECT s.saga_id, m.step, m.result FROM json_each(?) i CROSS JOIN saga s ON s.saga_id = i.value
CROSS JOIN local_msg m ON m.tenant = s.tenant AND m.biz_key = s.biz_key AND m.seq = s.seq
WHERE m.direction = 1 AND m.outcome = 'done' AND m.result IS NOT NULL`,
  parkMessage: `UPDATE local_msg SET next_at = ?, attempts = attempts - 1, unanswered = unanswered - 1, lease_owner = NULL
WHERE ${messageKey} AND lease_fence = ? AND status = 0`,
  mendClock: `UPDATE local_msg SET next_at = ? WHERE id IN
(SELECT m.id FROM json_each(?) r CROSS JOIN local_msg m ON m.dest = r.value ->> 0 AND m.def = r.value ->> 1 AND m.status = 0 AND m.next_at > ?)`,
  expiredSagas: `SELECT saga_id, type, def_version, tenant, biz_key, seq FROM saga
WHERE ended_at IS NULL AND deadline_at <= ? AND type || '/' || def_version IN (SELECT value FROM json_each(?)) ORDER BY deadline_at LIMIT ?`,
  nextDeadline:
    'SELECT deadline_at FROM saga WHERE ended_at IS NULL AND deadline_at > ? ORDER BY deadline_at LIMIT 1',
  oldMessages:
    'SELECT m.id, m.status, m.created_at, m.done_at, s.ended_at FROM local_msg m JOIN saga s ON s.saga_id = m.saga_id WHERE m.id > ? ORDER BY m.id LIMIT ?',
  keepSteps: `INSERT INTO saga_step (saga_id, step, direction, state, attempts, result, error, started_at, ended_at)
SELECT saga_id, step, direction, CASE WHEN status = 2 AND outcome = 'done' THEN 'compensated' ELSE coalesce(outcome, 'cancelled') END, attempts, result, last_error, created_at, done_at
FROM local_msg WHERE id IN (SELECT value FROM json_each(?)) ON CONFLICT DO NOTHING`,
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
