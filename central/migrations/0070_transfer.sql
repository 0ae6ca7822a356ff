-- Whose parts are unfinished, for a limit per caller; and what nodes have set aside.
-- Times are microseconds since 1970, UTC (wall clock).
ALTER TABLE blob_transfers ADD COLUMN caller TEXT NOT NULL DEFAULT '';  -- "node/<id>"; '' is older
CREATE INDEX blob_transfers_by_caller ON blob_transfers (caller);

-- Sealed bytes that a node cannot hand over without a person, as it reported them last.
CREATE TABLE parked_blobs (
  node_id     TEXT    NOT NULL,
  digest      BLOB    NOT NULL,
  size_bytes  INTEGER NOT NULL,
  cause       TEXT    NOT NULL,         -- code and words; they name no bid
  attempts    INTEGER NOT NULL,
  park_time   INTEGER NOT NULL,         -- first reported
  replay_time INTEGER,                  -- an operator asked for another attempt; NULL before
  PRIMARY KEY (node_id, digest)
) WITHOUT ROWID;
