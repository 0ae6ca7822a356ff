-- Sealed bytes on their way to the centre. Filled from the node's own journal; says nothing of
-- packages and vendors. Times are microseconds since 1970, UTC (wall clock).
CREATE TABLE transfer_cursors (
  epoch    BLOB    PRIMARY KEY,
  followed INTEGER NOT NULL             -- own entries below this index were looked at
) WITHOUT ROWID;

CREATE TABLE transfer_blobs (
  item         INTEGER PRIMARY KEY,     -- order of the queue
  digest       BLOB    NOT NULL UNIQUE,
  size_bytes   INTEGER NOT NULL,
  store_time   INTEGER NOT NULL,        -- when it joined the queue
  epoch        BLOB    NOT NULL,        -- the entry that announces it
  idx          INTEGER NOT NULL,
  state        TEXT    NOT NULL CHECK (state IN ('WAITING', 'RETRYING', 'VERIFIED', 'PARKED')),
  attempts     INTEGER NOT NULL DEFAULT 0,
  refusals     INTEGER NOT NULL DEFAULT 0,  -- in a row, by the centre or our own disk
  sent_bytes   INTEGER NOT NULL DEFAULT 0,  -- durable at the centre, as last heard
  next_attempt INTEGER NOT NULL DEFAULT 0,
  last_cause   TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX transfer_blobs_open ON transfer_blobs (item) WHERE state <> 'VERIFIED';
