-- Outages as this node knows them. Times are microseconds since 1970, UTC (legal clock). Declared and
-- measured are two records and stay so.

-- The newest revision of each declaration, with its window as it reads in the node's own zone.
-- `applies` is 0 for one that spoke to this node once and does not any more.
CREATE TABLE outage_declared (
  outage         TEXT    PRIMARY KEY,
  revision       INTEGER NOT NULL,
  national_index INTEGER NOT NULL,
  record         BLOB    NOT NULL,
  start_time     INTEGER NOT NULL,
  end_time       INTEGER,
  applies        INTEGER NOT NULL CHECK (applies IN (0, 1)),
  withdrawn      INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
  late           INTEGER NOT NULL CHECK (late IN (0, 1)),
  apply_time     INTEGER NOT NULL
) WITHOUT ROWID;

-- Declarations that this node cannot read as a window: set aside, visible, replaced by a new revision.
CREATE TABLE outage_unreadable (
  outage   TEXT    PRIMARY KEY,
  revision INTEGER NOT NULL,
  reason   TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE outage_measured (
  number         INTEGER PRIMARY KEY,
  kind           INTEGER NOT NULL,
  start_time     INTEGER NOT NULL,
  end_time       INTEGER,
  probes_failed  INTEGER NOT NULL,
  evidence       TEXT    NOT NULL,
  during_upgrade INTEGER NOT NULL CHECK (during_upgrade IN (0, 1)),
  -- the outage.confirmed payload as journalled
  confirmation   BLOB,
  confirm_time   INTEGER
);
CREATE UNIQUE INDEX outage_measured_one_open ON outage_measured (kind) WHERE end_time IS NULL;
