import type { Migration } from '@tidemill/sql'

/** How many buckets the messages of a database are spread over; fixed by the schema. */
export const bucketCount = 64

/**
 * Schema of the saga database, namespace `saga`: sagas, the local message table with what became of each message, the
 * history of the steps of old sagas, bucket leases, audit.
 * `local_msg.status`: 0 pending, 1 acknowledged, 2 compensated, 3 dead, 4 cancelled. `direction`: 1 forward,
 * 2 compensation. `seq` counts the sagas of one business key, so that two of them may have steps of one name.
 */
export const sagaMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'sagas',
    up: {
      sqlite: [
        `CREATE TABLE saga (
  saga_id TEXT NOT NULL PRIMARY KEY, type TEXT NOT NULL, def_version INTEGER NOT NULL, tenant TEXT NOT NULL,
  biz_key TEXT NOT NULL, seq INTEGER NOT NULL, status TEXT NOT NULL, state_version INTEGER NOT NULL,
  data TEXT NOT NULL, reason TEXT, ends_as TEXT, stuck TEXT, waited INTEGER NOT NULL DEFAULT 0, deadline_at INTEGER,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, ended_at INTEGER,
  UNIQUE (tenant, biz_key, type)
) WITHOUT ROWID`,
        'CREATE INDEX saga_open ON saga (deadline_at) WHERE ended_at IS NULL',
        // What the retention keeps of the messages that it deletes.
        `CREATE TABLE saga_step (
  saga_id TEXT NOT NULL, step TEXT NOT NULL, direction INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
  result TEXT, error TEXT, started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
  PRIMARY KEY (saga_id, step, direction)
) WITHOUT ROWID`,
        `CREATE TABLE local_msg (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, saga_id TEXT NOT NULL, def TEXT NOT NULL, biz_key TEXT NOT NULL,
  step TEXT NOT NULL, direction INTEGER NOT NULL, seq INTEGER NOT NULL, bucket INTEGER NOT NULL, dest TEXT NOT NULL,
  payload TEXT, headers TEXT, status INTEGER NOT NULL, attempts INTEGER NOT NULL, unanswered INTEGER NOT NULL,
  next_at INTEGER NOT NULL, lease_owner TEXT, lease_fence INTEGER NOT NULL, outcome TEXT, result TEXT, last_error TEXT,
  created_at INTEGER NOT NULL, done_at INTEGER,
  UNIQUE (tenant, biz_key, step, direction, seq)
)`,
        // By destination and definition first: what is blocked or unknown here is then never walked, however much it is.
        'CREATE INDEX local_msg_due ON local_msg (dest, def, next_at) WHERE status = 0',
        'CREATE INDEX local_msg_dead ON local_msg (id) WHERE status = 3',
        'CREATE TABLE tm_lease (bucket INTEGER PRIMARY KEY, owner TEXT NOT NULL, fence INTEGER NOT NULL, until INTEGER NOT NULL)',
        `INSERT INTO tm_lease (bucket, owner, fence, until)
WITH RECURSIVE n(bucket) AS (SELECT 0 UNION ALL SELECT bucket + 1 FROM n WHERE bucket < ${bucketCount - 1})
SELECT bucket, '', 0, 0 FROM n`,
        'CREATE TABLE tm_member (owner TEXT NOT NULL PRIMARY KEY, until INTEGER NOT NULL)',
        `CREATE TABLE saga_audit (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, saga_id TEXT NOT NULL, message_id INTEGER, reason TEXT NOT NULL
)`,
        // What Debezium's outbox event router expects, so that a log tailer can stand in for the dispatcher.
        `CREATE VIEW saga_outbox AS SELECT m.id AS id, s.type AS aggregatetype, m.biz_key AS aggregateid,
  m.step || CASE m.direction WHEN 1 THEN '.action' ELSE '.compensate' END AS type, coalesce(m.payload, s.data) AS payload
  FROM local_msg m JOIN saga s ON s.saga_id = m.saga_id`,
      ],
    },
  },
]

/** Schema of every participant's database, namespace `barrier`; it must be the database of the business rows. */
export const barrierMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'barrier',
    up: {
      sqlite: [
        `CREATE TABLE saga_barrier (
  tenant TEXT NOT NULL, saga_id TEXT NOT NULL, step TEXT NOT NULL, op TEXT NOT NULL, reason TEXT NOT NULL,
  outcome TEXT NOT NULL, result TEXT, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, saga_id, step, op)
) WITHOUT ROWID`,
      ],
    },
  },
]
