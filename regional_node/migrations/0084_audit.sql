-- How far journals were read again, and when the last audit with the centre was. Times are
-- microseconds since 1970, UTC (wall clock).

-- One verification of one journal: where it stands, and how the last one ended.
CREATE TABLE audit_passes (
  journal    TEXT    PRIMARY KEY,      -- "own <epoch>" or "<party> <epoch>"
  place      INTEGER NOT NULL,         -- entries below it were read again
  tree       BLOB    NOT NULL,         -- compact range over them
  begin_time INTEGER NOT NULL,
  end_time   INTEGER,                  -- NULL while it goes on
  entries    INTEGER NOT NULL,         -- of the last pass that ended
  found      TEXT    NOT NULL,         -- empty when it was sound
  told       INTEGER NOT NULL CHECK (told IN (0, 1))
) WITHOUT ROWID;

-- Audits of projected state; the newest is the one that counts.
CREATE TABLE audit_runs (
  number      INTEGER PRIMARY KEY,
  begin_time  INTEGER NOT NULL,
  end_time    INTEGER NOT NULL,
  objects     INTEGER NOT NULL,
  differences INTEGER NOT NULL,
  healed      INTEGER NOT NULL,
  run         TEXT    NOT NULL         -- number of the run that tells it
);
