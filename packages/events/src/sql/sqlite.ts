import type { SqlTexts, WindowParts } from './texts.ts'

const eventColumns =
  'pos, tenant, stream_id, version, event_id, type, schema_ver, data, meta, ts_us'

/** The event store's schema and statements for SQLite. One file is one shard, so `pos` alone is the rowid. */
export const sqliteTexts: SqlTexts = {
  eventSchema: [
    `CREATE TABLE tm_seq (
      shard INTEGER PRIMARY KEY,
      pos INTEGER NOT NULL,
      chain_from INTEGER,
      hash BLOB
    )`,
    'INSERT INTO tm_seq (shard, pos) VALUES (0, 0)',
    `CREATE TABLE tm_stream (
      tenant TEXT NOT NULL,
      stream_id TEXT NOT NULL,
      shard INTEGER NOT NULL,
      type TEXT NOT NULL,
      version INTEGER NOT NULL,
      archived INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (tenant, stream_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE tm_event (
      pos INTEGER PRIMARY KEY,
      shard INTEGER NOT NULL,
      tenant TEXT NOT NULL,
      stream_id TEXT NOT NULL,
      version INTEGER NOT NULL,
      event_id BLOB NOT NULL,
      type TEXT NOT NULL,
      schema_ver INTEGER NOT NULL,
      data TEXT NOT NULL,
      meta TEXT NOT NULL,
      key_id TEXT,
      ts_us INTEGER NOT NULL,
      hash BLOB,
      UNIQUE (tenant, stream_id, version),
      UNIQUE (tenant, event_id)
    )`,
    `CREATE TABLE tm_tag (
      shard INTEGER NOT NULL,
      tenant TEXT NOT NULL,
      tag TEXT NOT NULL,
      pos INTEGER NOT NULL,
      type TEXT NOT NULL,
      PRIMARY KEY (shard, tenant, tag, pos)
    ) WITHOUT ROWID`,
    `CREATE TABLE tm_snapshot (
      tenant TEXT NOT NULL,
      stream_id TEXT NOT NULL,
      fold_id TEXT NOT NULL,
      version INTEGER NOT NULL,
      state TEXT NOT NULL,
      PRIMARY KEY (tenant, stream_id, fold_id)
    ) WITHOUT ROWID`,
  ],
  processorSchema: [
    `CREATE TABLE tm_checkpoint (
      processor TEXT NOT NULL,
      version INTEGER NOT NULL,
      shard INTEGER NOT NULL,
      pos INTEGER NOT NULL,
      fence INTEGER NOT NULL,
      owner TEXT NOT NULL,
      lease_until INTEGER NOT NULL,
      muted_until INTEGER NOT NULL,
      active INTEGER NOT NULL,
      tables TEXT NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (processor, version, shard)
    ) WITHOUT ROWID`,
    `CREATE TABLE tm_parked (
      processor TEXT NOT NULL,
      version INTEGER NOT NULL,
      shard INTEGER NOT NULL,
      pos INTEGER NOT NULL,
      tenant TEXT NOT NULL,
      stream_id TEXT NOT NULL,
      event_id BLOB NOT NULL,
      state TEXT NOT NULL,
      error TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      parked_at INTEGER NOT NULL,
      PRIMARY KEY (processor, version, shard, pos)
    ) WITHOUT ROWID`,
    'CREATE INDEX tm_parked_stream ON tm_parked (processor, version, state, tenant, stream_id, pos)',
  ],

  createStream: `INSERT INTO tm_stream (tenant, stream_id, shard, type, version) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  moveStreamFrom: `UPDATE tm_stream SET version = version + ?
    WHERE tenant = ? AND stream_id = ? AND version = ? AND archived = 0`,
  moveStream: `UPDATE tm_stream SET version = version + ?
    WHERE tenant = ? AND stream_id = ? AND archived = 0`,
  stream: 'SELECT version, archived FROM tm_stream WHERE tenant = ? AND stream_id = ?',
  archiveStream: 'UPDATE tm_stream SET archived = 1 WHERE tenant = ? AND stream_id = ?',
  takePositions: 'UPDATE tm_seq SET pos = pos + ? WHERE shard = ?',
  sequence: 'SELECT pos, chain_from, hash FROM tm_seq WHERE shard = ?',
  startChain: 'UPDATE tm_seq SET chain_from = pos, hash = ? WHERE shard = ? AND chain_from IS NULL',
  saveHash: 'UPDATE tm_seq SET hash = ? WHERE shard = ?',
  insertEvents: remembered(
    (rows) => `INSERT INTO tm_event (shard, pos, tenant, stream_id, version, event_id, type,
      schema_ver, data, meta, ts_us, hash)
    VALUES ${repeat('(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', rows)}
    ON CONFLICT (tenant, event_id) DO NOTHING`,
  ),
  insertTags: (rows) =>
    `INSERT INTO tm_tag (shard, tenant, tag, pos, type) VALUES ${repeat('(?, ?, ?, ?, ?)', rows)}`,
  eventsById: (ids) => `SELECT pos, stream_id, version, event_id FROM tm_event
    WHERE tenant = ? AND event_id IN (${repeat('?', ids)}) ORDER BY pos`,
  conditionHit: (tags, types) => `SELECT pos FROM tm_tag
    WHERE shard = ? AND tenant = ? AND tag IN (${repeat('?', tags)}) AND pos > ?
      ${types === 0 ? '' : `AND type IN (${repeat('?', types)})`}
    GROUP BY pos HAVING count(*) = ? ORDER BY pos LIMIT 1`,

  streamEvents: `SELECT ${eventColumns} FROM tm_event
    WHERE tenant = ? AND stream_id = ? AND version >= ? ORDER BY version LIMIT ?`,
  eventsInWindow: (parts) => `SELECT ${eventColumns} FROM tm_event
    WHERE shard = ? AND pos > ? AND pos <= ?
      ${parts.tenant ? 'AND tenant = ?' : ''}
      ${parts.prefix ? 'AND substr(stream_id, 1, ?) = ?' : ''}
      ${parts.types === 0 ? '' : `AND type IN (${repeat('?', parts.types)})`}
      ${parts.tags === 0 ? '' : `AND pos IN (${taggedPositions(parts)})`}
    ORDER BY pos LIMIT ?`,
  eventAt: `SELECT ${eventColumns} FROM tm_event WHERE shard = ? AND pos = ?`,
  head: 'SELECT pos FROM tm_seq WHERE shard = ?',

  snapshot:
    'SELECT version, state FROM tm_snapshot WHERE tenant = ? AND stream_id = ? AND fold_id = ?',
  saveSnapshot: `INSERT INTO tm_snapshot (tenant, stream_id, fold_id, version, state) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (tenant, stream_id, fold_id) DO UPDATE SET version = excluded.version, state = excluded.state
    WHERE excluded.version > tm_snapshot.version`,

  createCheckpoint: `INSERT INTO tm_checkpoint (processor, version, shard, pos, fence, owner, lease_until, muted_until,
      active, tables, updated_at) VALUES (?, ?, ?, ?, 0, '', 0, 0, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  checkpoint: `SELECT pos, fence, owner, lease_until, muted_until, active FROM tm_checkpoint
    WHERE processor = ? AND version = ? AND shard = ?`,
  activeCheckpoint: `SELECT version, max(pos, muted_until) AS pos FROM tm_checkpoint WHERE processor = ? AND shard = ? AND active = 1`,
  acquire: `UPDATE tm_checkpoint SET owner = ?, fence = fence + 1, lease_until = ?
    WHERE processor = ? AND version = ? AND shard = ? AND fence = ?`,
  renew: `UPDATE tm_checkpoint SET lease_until = ?
    WHERE processor = ? AND version = ? AND shard = ? AND fence = ?`,
  moveCheckpoint: `UPDATE tm_checkpoint SET pos = ?, updated_at = ?
    WHERE processor = ? AND version = ? AND shard = ? AND pos = ? AND fence = ?`,
  resetCheckpoint: `UPDATE tm_checkpoint SET pos = 0, muted_until = max(pos, muted_until), updated_at = ?
    WHERE processor = ? AND version = ? AND shard = ? AND fence = ?`,
  deactivate:
    'UPDATE tm_checkpoint SET active = 2 WHERE processor = ? AND shard = ? AND active = 1',
  activate: `UPDATE tm_checkpoint SET active = 1, muted_until = ?
    WHERE processor = ? AND version = ? AND shard = ? AND fence = ?`,
  inactive:
    'SELECT version, tables FROM tm_checkpoint WHERE processor = ? AND active <> 1 AND version < ?',
  dropCheckpoint: 'DELETE FROM tm_checkpoint WHERE processor = ? AND version = ?',
  dropTable: (table) => [`DROP TABLE IF EXISTS ${table}`],
  pointView: (view, table) => [
    `DROP VIEW IF EXISTS ${view}`,
    `CREATE VIEW ${view} AS SELECT * FROM ${table}`,
  ],

  park: `INSERT INTO tm_parked (processor, version, shard, pos, tenant, stream_id, event_id, state, error, attempts,
      parked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  parkedCount: `SELECT count(*) AS n FROM tm_parked
    WHERE processor = ? AND version = ? AND state IN ('parked', 'behind')`,
  parkedStreams: `SELECT DISTINCT tenant, stream_id FROM tm_parked
    WHERE processor = ? AND version = ? AND state IN ('parked', 'behind')`,
  parkedOfStream: `SELECT pos FROM tm_parked
    WHERE processor = ? AND version = ? AND state IN ('parked', 'behind') AND tenant = ? AND stream_id = ?
    ORDER BY pos LIMIT ?`,
  parkedList: `SELECT pos, tenant, stream_id, event_id, state, error, attempts, parked_at FROM tm_parked
    WHERE processor = ? AND version = ? ORDER BY state IN ('skipped', 'discarded'), pos LIMIT 1000`,
  markParked: `UPDATE tm_parked SET state = ?, error = ?, attempts = attempts + 1
    WHERE processor = ? AND version = ? AND shard = ? AND pos = ? AND state IN ('parked', 'behind')`,
  discardParked: `UPDATE tm_parked SET state = 'discarded', error = ?
    WHERE processor = ? AND version = ? AND shard = ? AND pos = ? AND state IN ('parked', 'behind')`,
  unpark: `DELETE FROM tm_parked
    WHERE processor = ? AND version = ? AND shard = ? AND pos = ? AND state IN ('parked', 'behind')`,
  unparkAll: 'DELETE FROM tm_parked WHERE processor = ? AND version = ?',

  positionCounts:
    'SELECT count(*) AS n, min(pos) AS low, max(pos) AS high FROM tm_event WHERE shard = ? AND pos <= ?',
  positionGaps: `SELECT e.pos FROM tm_event e WHERE e.shard = ? AND e.pos < ?
      AND NOT EXISTS (SELECT 1 FROM tm_event n WHERE n.pos = e.pos + 1) ORDER BY e.pos LIMIT 100`,
  streamCount: 'SELECT count(*) AS n FROM tm_stream',
  brokenStreams: `SELECT s.tenant, s.stream_id, s.version, count(e.pos) AS n, max(e.version) AS high
    FROM tm_stream s LEFT JOIN tm_event e ON e.tenant = s.tenant AND e.stream_id = s.stream_id
    GROUP BY s.tenant, s.stream_id HAVING n <> s.version OR high IS NULL OR high <> s.version LIMIT 100`,
  orphanEvents: `SELECT e.pos, e.tenant, e.stream_id FROM tm_event e
    WHERE NOT EXISTS (SELECT 1 FROM tm_stream s WHERE s.tenant = e.tenant AND s.stream_id = e.stream_id) LIMIT 100`,
  disorderedEvents: `SELECT e.pos, e.tenant, e.stream_id FROM tm_event e JOIN tm_event n
      ON n.tenant = e.tenant AND n.stream_id = e.stream_id AND n.version = e.version + 1
    WHERE n.pos < e.pos LIMIT 100`,
  hashedEvents: `SELECT ${eventColumns}, hash FROM tm_event
    WHERE shard = ? AND pos > ? AND pos <= ? ORDER BY pos LIMIT ?`,
}

function taggedPositions(parts: WindowParts): string {
  return `SELECT pos FROM tm_tag WHERE shard = ? ${parts.tenant ? 'AND tenant = ?' : ''}
    AND tag IN (${repeat('?', parts.tags)}) AND pos > ? AND pos <= ? GROUP BY pos HAVING count(*) = ?`
}

/** Builds each text once: an append in a loop would build the same one every time. */
function remembered(build: (rows: number) => string): (rows: number) => string {
  const texts = new Map<number, string>()
  return (rows) => {
    const known = texts.get(rows)
    if (known !== undefined) return known
    const text = build(rows)
    texts.set(rows, text)
    return text
  }
}

function repeat(part: string, times: number): string {
  return Array.from({ length: times }, () => part).join(', ')
}
