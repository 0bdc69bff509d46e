-- Schema 1. Ids and hashes are BLOBs, moments are milliseconds since 1970; the views at the
-- end show them as people read them.

-- The secret makes the addresses that replies come to.
CREATE TABLE meta (store_id TEXT NOT NULL, secret BLOB NOT NULL CHECK (length(secret) = 32)) STRICT;
INSERT INTO meta VALUES (lower(hex(randomblob(16))), randomblob(32));

-- One row a saga. The columns down to fixed_check never change after the start.
CREATE TABLE saga (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    namespace TEXT NOT NULL,
    definition TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition_hash ANY NOT NULL,
    shard INTEGER NOT NULL,
    key TEXT NOT NULL,
    labels TEXT,
    started_at INTEGER NOT NULL,
    deadline INTEGER,
    fixed_check INTEGER NOT NULL,
    -- Spelled with OR, here and in saga_open: an IN list would be built as a table of its own
    -- for each row that is written.
    status TEXT NOT NULL CHECK (status = 'running' OR status = 'compensating'
        OR status = 'completed' OR status = 'compensated' OR status = 'stuck'
        OR status = 'abandoned'),
    reason TEXT,
    reason_detail TEXT,
    stuck TEXT,
    step TEXT,
    service TEXT,
    parked_since INTEGER,
    wake_at INTEGER,
    in_flight INTEGER NOT NULL CHECK (in_flight = 0 OR wake_at IS NOT NULL),
    seq INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER,
    owner TEXT,
    trouble TEXT,
    trouble_since INTEGER,
    state_check INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each index is paid for by every saga (speed.md); these hold open sagas only, the last
-- but sagas in trouble, and of those at rest the compensated ones.
CREATE INDEX saga_wake ON saga (wake_at, id, in_flight) WHERE wake_at IS NOT NULL;
CREATE INDEX saga_parked ON saga (service, parked_since, id) WHERE parked_since IS NOT NULL;
CREATE INDEX saga_open ON saga (id, status)
    WHERE status = 'running' OR status = 'compensating' OR status = 'stuck';
CREATE INDEX saga_trouble ON saga (status, trouble_since, id, definition, trouble, namespace)
    WHERE trouble_since IS NOT NULL;

-- Of these there should be none (I-9).
CREATE INDEX saga_sleepless ON saga (id)
    WHERE wake_at IS NULL AND (status = 'running' OR status = 'compensating');

-- Records lie in the order in which they were committed, so that a commit fills few pages,
-- however many sagas it concerns; clustered by saga it would touch one for each. No foreign key
-- to saga: the writer's guard on saga.seq already proves the row, and the look-up would be paid
-- for by each record. A row holds the records that one commit wrote for a saga in one moment,
-- as a JSON array; seq is the number of the first of them.
CREATE TABLE journal (
    saga_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    records TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (saga_id, seq)
) STRICT;

-- Outlives its saga. The hash is the first half of the SHA-256 of namespace, definition and key.
CREATE TABLE start_key (
    hash BLOB PRIMARY KEY,
    saga_id BLOB NOT NULL,
    request_hash ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- What is left of a purged saga, until its start key is forgotten. Sagas pay for it when they go.
CREATE TABLE purged (
    saga_id BLOB PRIMARY KEY,
    key_hash BLOB NOT NULL,
    status TEXT NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX purged_age ON purged (ended_at, saga_id);

-- Which saga runs which: a child goes after its parent. Only children pay for it.
CREATE TABLE child (
    saga_id BLOB PRIMARY KEY,
    parent BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX child_parent ON child (parent);

CREATE TABLE label (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    namespace TEXT NOT NULL,
    saga_id BLOB NOT NULL,
    PRIMARY KEY (name, value, namespace, saga_id)
) STRICT, WITHOUT ROWID;

-- Messages between sagas, from the commit that causes one to the commit of what it causes. The
-- receiver need not be there yet.
CREATE TABLE message (
    to_saga BLOB NOT NULL,
    from_saga BLOB NOT NULL,
    from_seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (to_saga, from_saga, from_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_from ON message (from_saga);

-- The lines before locks. The lowest ticket of a line holds the lock, or is to take it next.
CREATE TABLE lock_line (
    namespace TEXT NOT NULL,
    definition TEXT NOT NULL,
    value_hash ANY NOT NULL,
    ticket INTEGER NOT NULL,
    saga_id BLOB NOT NULL UNIQUE,
    held INTEGER NOT NULL CHECK (held = 0 OR held = 1),
    PRIMARY KEY (namespace, definition, value_hash, ticket)
) STRICT, WITHOUT ROWID;

-- How many sagas, by status and parked by service; kept by every commit.
CREATE TABLE saga_count (
    kind TEXT NOT NULL CHECK (kind = 'status' OR kind = 'parked'),
    name TEXT NOT NULL,
    sagas INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE definition (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL,
    source TEXT NOT NULL,
    resolved TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    active INTEGER NOT NULL,
    refusal TEXT,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE service (
    name TEXT PRIMARY KEY,
    settings TEXT NOT NULL,
    paused TEXT,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what, in the order of the commits. Rows are only ever added.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    saga_id BLOB,
    name TEXT,
    operation_id BLOB,
    reason TEXT NOT NULL,
    before_status TEXT,
    before_seq INTEGER,
    after_status TEXT,
    after_seq INTEGER,
    detail TEXT,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_saga ON audit (saga_id, operation_id) WHERE saga_id IS NOT NULL;

-- Operations over many sagas; the body is JSON.
CREATE TABLE operation (
    id BLOB PRIMARY KEY,
    open INTEGER NOT NULL CHECK (open = 0 OR open = 1),
    body TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

-- The sagas that an open operation is about, packed: 16 bytes of id and 8 of seq each.
CREATE TABLE operation_items (
    operation_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    items BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (operation_id, number)
) STRICT;

CREATE VIEW saga_readable AS
SELECT printf('%s-%s-%s-%s-%s', substr(hex, 1, 8), substr(hex, 9, 4), substr(hex, 13, 4),
           substr(hex, 17, 4), substr(hex, 21)) AS id,
       namespace, definition, version, key, labels, status, reason, stuck, step, service, seq,
       in_flight, owner, trouble,
       strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', updated_at / 1000.0, 'unixepoch') AS updated_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1000.0, 'unixepoch') AS ended_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', wake_at / 1000.0, 'unixepoch') AS wake_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', parked_since / 1000.0, 'unixepoch') AS parked_since,
       strftime('%Y-%m-%dT%H:%M:%fZ', deadline / 1000.0, 'unixepoch') AS deadline
FROM (SELECT *, lower(hex(id)) AS hex FROM saga);

CREATE VIEW journal_readable AS
SELECT printf('%s-%s-%s-%s-%s', substr(hex, 1, 8), substr(hex, 9, 4), substr(hex, 13, 4),
           substr(hex, 17, 4), substr(hex, 21)) AS saga,
       seq + each.key AS seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at,
       each.value ->> '$.type' AS type, version, each.value AS record
FROM (SELECT *, lower(hex(saga_id)) AS hex FROM journal) AS one, json_each(one.records) AS each;

CREATE VIEW message_readable AS
SELECT printf('%s-%s-%s-%s-%s', substr(receiver, 1, 8), substr(receiver, 9, 4), substr(receiver, 13, 4),
           substr(receiver, 17, 4), substr(receiver, 21)) AS receiver,
       printf('%s-%s-%s-%s-%s', substr(sender, 1, 8), substr(sender, 9, 4), substr(sender, 13, 4),
           substr(sender, 17, 4), substr(sender, 21)) AS sender,
       from_seq AS seq, kind, body
FROM (SELECT *, lower(hex(to_saga)) AS receiver, lower(hex(from_saga)) AS sender FROM message);

CREATE VIEW lock_readable AS
SELECT namespace, definition, lower(hex(value_hash)) AS value_hash, ticket, held,
       printf('%s-%s-%s-%s-%s', substr(hex, 1, 8), substr(hex, 9, 4), substr(hex, 13, 4),
           substr(hex, 17, 4), substr(hex, 21)) AS saga
FROM (SELECT *, lower(hex(saga_id)) AS hex FROM lock_line);

CREATE VIEW audit_readable AS
SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at, actor, verb,
       lower(hex(saga_id)) AS saga, name, lower(hex(operation_id)) AS operation, reason,
       before_status, before_seq, after_status, after_seq, detail
FROM audit;
