-- Packages, revisions of their schedules, holds, proposals and decisions. Times are microseconds
-- since 1970, UTC (legal clock); lists of stages and intervals are JSON. A row and its journal entry
-- are one transaction.

-- `stages` is the newest revision; `base_revision` is the schedule on which outages are counted;
-- `settled` holds spans that a decision has dealt with for that base, `accounted` those of the last
-- decision; `version` moves with every change of the row or of what hangs on it.
CREATE TABLE schedule_packages (
  package       TEXT    PRIMARY KEY,
  title         TEXT    NOT NULL,
  zone          TEXT    NOT NULL,
  rule_set      TEXT    NOT NULL,
  rule_document TEXT    NOT NULL,
  revision      INTEGER NOT NULL,
  base_revision INTEGER NOT NULL,
  stages        TEXT    NOT NULL,
  settled       TEXT    NOT NULL,
  accounted     TEXT    NOT NULL,
  import_digest BLOB    NOT NULL,
  cancelled     INTEGER NOT NULL DEFAULT 0 CHECK (cancelled IN (0, 1)),
  problem       TEXT    NOT NULL DEFAULT '',
  version       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE schedule_revisions (
  package       TEXT    NOT NULL REFERENCES schedule_packages (package),
  revision      INTEGER NOT NULL,
  origin        TEXT    NOT NULL,
  record_time   INTEGER NOT NULL,
  stages        TEXT    NOT NULL,
  journal_index INTEGER NOT NULL,
  PRIMARY KEY (package, revision)
) WITHOUT ROWID;

CREATE TABLE schedule_holds (
  hold       INTEGER PRIMARY KEY,
  package    TEXT    NOT NULL REFERENCES schedule_packages (package),
  stage      TEXT    NOT NULL,
  due_time   INTEGER NOT NULL,
  outages    TEXT    NOT NULL,
  start_time INTEGER NOT NULL,
  end_time   INTEGER,
  end_reason TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX schedule_holds_by_package ON schedule_holds (package, stage);
CREATE UNIQUE INDEX schedule_holds_one_open ON schedule_holds (package, stage)
  WHERE end_time IS NULL;

-- `record` is the compensation.proposed payload as journalled; `decision` the decided one.
-- `counted` are the spans that the proposal counted, for the time after a decision.
CREATE TABLE schedule_proposals (
  package     TEXT    NOT NULL REFERENCES schedule_packages (package),
  proposal    INTEGER NOT NULL,
  state       TEXT    NOT NULL,
  record      BLOB    NOT NULL,
  counted     TEXT    NOT NULL,
  create_time INTEGER NOT NULL,
  decision    BLOB,
  decide_time INTEGER,
  PRIMARY KEY (package, proposal)
) WITHOUT ROWID;
CREATE INDEX schedule_proposals_by_state ON schedule_proposals (state, package);

-- Decisions of a hold for which nothing was proposed.
CREATE TABLE schedule_releases (
  package     TEXT    NOT NULL REFERENCES schedule_packages (package),
  revision    INTEGER NOT NULL,
  decision    BLOB    NOT NULL,
  decide_time INTEGER NOT NULL,
  PRIMARY KEY (package, revision, decide_time)
) WITHOUT ROWID;
