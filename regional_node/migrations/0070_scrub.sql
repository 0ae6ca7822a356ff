-- Re-reading of stored blobs: where the pass is, and what was found damaged. Digests and sizes only:
-- nothing of packages and vendors. Times are microseconds since 1970, UTC (wall clock).
CREATE TABLE scrub_pass (
  one          INTEGER PRIMARY KEY CHECK (one = 1),
  number       INTEGER NOT NULL,
  begin_time   INTEGER NOT NULL,
  end_time     INTEGER,                 -- NULL while the pass goes on
  after_digest BLOB    NOT NULL,        -- blobs up to this digest were read
  blobs        INTEGER NOT NULL,
  size_bytes   INTEGER NOT NULL,
  damaged      INTEGER NOT NULL
);

CREATE TABLE scrub_findings (
  digest       BLOB    NOT NULL,
  side         TEXT    NOT NULL CHECK (side IN ('OWN', 'OTHER')),  -- whose copy is damaged
  size_bytes   INTEGER NOT NULL,
  found        TEXT    NOT NULL CHECK (found IN ('MISSING', 'CORRUPT', 'UNREADABLE')),
  state        TEXT    NOT NULL CHECK (state IN ('OPEN', 'PERSON', 'HEALED')),
  find_time    INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL,
  cause        TEXT    NOT NULL,        -- why the last attempt did not help
  end_time     INTEGER,                 -- when it was healed
  PRIMARY KEY (digest, side)
) WITHOUT ROWID;
CREATE INDEX scrub_findings_open ON scrub_findings (find_time) WHERE state <> 'HEALED';
