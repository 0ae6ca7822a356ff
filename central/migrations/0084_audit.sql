-- What the standing audit compares, and how far journals were read again. Times are microseconds
-- since 1970, UTC (wall clock).

-- Objects of regional journals that no other table of the centre holds: submissions by their
-- commitment, measured outages. A projection: can be dropped and built again.
CREATE TABLE audit_objects (
  node_id TEXT NOT NULL,
  area    TEXT NOT NULL,               -- "upload" or "outage"
  name    TEXT NOT NULL,
  fields  TEXT NOT NULL,               -- JSON
  PRIMARY KEY (node_id, area, name)
) WITHOUT ROWID;

-- Journals whose older entries the projection above has not read yet: it is younger than they are.
CREATE TABLE audit_backlog (
  node_id TEXT    NOT NULL,
  epoch   BLOB    NOT NULL,
  place   INTEGER NOT NULL,            -- entries below it were read
  journal INTEGER NOT NULL,            -- order in which the journals were first met
  PRIMARY KEY (node_id, epoch)
) WITHOUT ROWID;
INSERT INTO audit_backlog
  SELECT j.party, j.epoch, 0, j.id FROM ledger_journals j
    JOIN ledger_watermarks w ON w.party = j.party AND w.epoch = j.epoch WHERE w.applied_size > 0;

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
