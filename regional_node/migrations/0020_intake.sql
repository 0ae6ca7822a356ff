-- Uploads, refused attempts, openings and hand-overs of this node. Times are microseconds since
-- 1970, UTC (legal clock). Salts and details never leave this file before a package is opened.

-- One row per accepted submission, written in the transaction of its journal entry.
CREATE TABLE intake_submissions (
  submission        INTEGER PRIMARY KEY,
  intake_key        TEXT    NOT NULL UNIQUE,
  package           TEXT    NOT NULL,
  commitment        BLOB    NOT NULL,
  salt              BLOB    NOT NULL,
  details           BLOB    NOT NULL,
  accept_time       INTEGER NOT NULL,
  clock_error       REAL    NOT NULL,
  zone              TEXT    NOT NULL,
  receipt           BLOB    NOT NULL,
  -- as on the receipt, or the newest judgement since
  verdict           INTEGER NOT NULL,
  deadline_time     INTEGER NOT NULL,
  schedule_revision INTEGER NOT NULL,
  -- 0 until an upload.judged entry was written, then its schedule revision
  judged_revision   INTEGER NOT NULL DEFAULT 0,
  journal_epoch     BLOB    NOT NULL,
  journal_index     INTEGER NOT NULL,
  -- 1 once a package.opened entry revealed the commitment
  revealed          INTEGER NOT NULL DEFAULT 0 CHECK (revealed IN (0, 1))
);
-- Partial, so that an acceptance touches one of them only.
CREATE INDEX intake_submissions_sealed ON intake_submissions (package) WHERE revealed = 0;
CREATE INDEX intake_submissions_opened ON intake_submissions (package) WHERE revealed = 1;

-- Sealed bytes that some submission needs; identical content is stored once. `least_deadline` is
-- the earliest deadline known when it was needed: the queue to the centre sends by it.
CREATE TABLE intake_blobs (
  digest          BLOB    PRIMARY KEY,
  size_bytes      INTEGER NOT NULL,
  reference_count INTEGER NOT NULL CHECK (reference_count > 0),
  store_time      INTEGER NOT NULL,
  least_deadline  INTEGER NOT NULL
) WITHOUT ROWID;

-- Refused attempts with their signed proofs.
CREATE TABLE intake_attempts (
  attempt       INTEGER PRIMARY KEY,
  intake_key    TEXT    NOT NULL,
  package       TEXT    NOT NULL,
  commitment    BLOB    NOT NULL,
  salt          BLOB    NOT NULL,
  details       BLOB    NOT NULL,
  reason        INTEGER NOT NULL,
  proof         BLOB    NOT NULL,
  journal_epoch BLOB    NOT NULL,
  journal_index INTEGER NOT NULL,
  revealed      INTEGER NOT NULL DEFAULT 0 CHECK (revealed IN (0, 1))
);
CREATE INDEX intake_attempts_by_key ON intake_attempts (intake_key, attempt);
CREATE INDEX intake_attempts_by_package ON intake_attempts (package);

-- The first opening of a package; later ones only reveal what was still on its way.
CREATE TABLE intake_openings (
  package           TEXT    PRIMARY KEY,
  open_time         INTEGER NOT NULL,
  deadline_time     INTEGER NOT NULL,
  schedule_revision INTEGER NOT NULL,
  zone              TEXT    NOT NULL,
  actor             TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE intake_handovers (
  package      TEXT    NOT NULL REFERENCES intake_openings (package),
  submissions  INTEGER NOT NULL,
  confirm_time INTEGER NOT NULL,
  PRIMARY KEY (package, submissions)
) WITHOUT ROWID;
