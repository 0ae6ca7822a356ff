-- Blobs that the centre holds: sealed copies of uploads and release bundles. A file without a row is
-- removed at the start. Times are microseconds since 1970, UTC (wall clock).
CREATE TABLE blobs (
  digest     BLOB    PRIMARY KEY,       -- SHA-256 as re-read from the disk
  size_bytes INTEGER NOT NULL,
  origin     TEXT    NOT NULL CHECK (origin IN ('upload', 'bundle')),
  store_time INTEGER NOT NULL
) WITHOUT ROWID;

-- Parts that can be resumed: `durable_bytes` of the part are fsynced, and so was promised.
CREATE TABLE blob_transfers (
  transfer      TEXT    PRIMARY KEY,    -- hex SHA-256 of caller and digest
  durable_bytes INTEGER NOT NULL,
  update_time   INTEGER NOT NULL
) WITHOUT ROWID;
