-- Which sealed bytes each node has announced, and which of them are here. Sizes and counts per node
-- only: the centre does not know packages (secrecy). Times are microseconds since 1970, UTC.
CREATE TABLE upload_blobs (
  node_id     TEXT    NOT NULL,
  digest      BLOB    NOT NULL,
  size_bytes  INTEGER NOT NULL,
  verify_time INTEGER,                  -- wall clock when it was answered VERIFIED; NULL before
  PRIMARY KEY (node_id, digest)
) WITHOUT ROWID;

-- Sums over the rows of a node, kept with them.
CREATE TABLE upload_totals (
  node_id         TEXT    PRIMARY KEY,
  accepted        INTEGER NOT NULL,     -- submissions
  announced_blobs INTEGER NOT NULL,
  announced_bytes INTEGER NOT NULL,
  verified_blobs  INTEGER NOT NULL,
  verified_bytes  INTEGER NOT NULL
) WITHOUT ROWID;
