-- Files that come in through upload grants, before they are a submission and afterwards. Times are
-- microseconds since 1970, UTC (legal clock); moments are the JSON of `moment_text`.

CREATE TABLE tus_files (
  position       INTEGER PRIMARY KEY,
  file           TEXT    NOT NULL UNIQUE,
  grant_id       INTEGER NOT NULL,
  name           TEXT    NOT NULL,
  size_bytes     INTEGER NOT NULL,
  -- fsynced bytes; a part on the disk may be longer for a moment, never shorter
  offset_bytes   INTEGER NOT NULL,
  -- 1 RECEIVING, 2 WHOLE, 3 SUBMITTED, 4 EXPIRED, 5 TERMINATED
  state          INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  -- SHA-256, re-read from the disk; NULL until the file was whole
  digest         BLOB,
  begin_moment   TEXT    NOT NULL,
  durable_moment TEXT,
  last_byte_time INTEGER NOT NULL,
  expire_time    INTEGER NOT NULL
);
CREATE INDEX tus_files_by_grant ON tus_files (grant_id);
-- What only these rows vouch for: parts and whole files that nobody submitted yet.
CREATE INDEX tus_files_live ON tus_files (state) WHERE state <= 2;
CREATE INDEX tus_files_whole ON tus_files (digest) WHERE state = 2;

-- Submissions of a grant, counted from 1; `files` are their ids in order, joined by spaces.
CREATE TABLE tus_submissions (
  grant_id   INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  intake_key TEXT    NOT NULL UNIQUE,
  files      TEXT    NOT NULL,
  PRIMARY KEY (grant_id, number)
) WITHOUT ROWID;

-- Attempts of a grant that ended without a submission, counted from 1, with their signed proofs.
CREATE TABLE tus_attempts (
  grant_id       INTEGER NOT NULL,
  number         INTEGER NOT NULL,
  reason         INTEGER NOT NULL,
  received_bytes INTEGER NOT NULL,
  size_bytes     INTEGER NOT NULL,
  begin_time     INTEGER NOT NULL,
  end_time       INTEGER NOT NULL,
  proof          BLOB    NOT NULL,
  PRIMARY KEY (grant_id, number)
) WITHOUT ROWID;
