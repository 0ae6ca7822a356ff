-- Attempts to bring this node to a release, and every step they took. Times are microseconds since
-- 1970, UTC (legal clock). A step row and its journal entry are one transaction.
CREATE TABLE upgrade_attempts (
  attempt       INTEGER PRIMARY KEY,
  rollout       TEXT    NOT NULL,
  version       TEXT    NOT NULL,
  from_version  TEXT    NOT NULL,
  bundle_digest BLOB    NOT NULL,
  bundle_bytes  INTEGER NOT NULL,
  state         TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  detail        TEXT    NOT NULL,
  hold_until    INTEGER,
  from_slot     TEXT    NOT NULL,
  to_slot       TEXT    NOT NULL,
  received_time INTEGER NOT NULL,
  changed_time  INTEGER NOT NULL,
  active        INTEGER NOT NULL CHECK (active IN (0, 1))
);

-- A node works on one release at a time.
CREATE UNIQUE INDEX upgrade_attempts_one_active ON upgrade_attempts (active) WHERE active = 1;

CREATE INDEX upgrade_attempts_by_release ON upgrade_attempts (bundle_digest, rollout);

CREATE TABLE upgrade_steps (
  attempt       INTEGER NOT NULL REFERENCES upgrade_attempts (attempt),
  step          INTEGER NOT NULL,
  state         TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  detail        TEXT    NOT NULL,
  hold_until    INTEGER,
  record_time   INTEGER NOT NULL,
  journal_index INTEGER NOT NULL,
  PRIMARY KEY (attempt, step)
);
