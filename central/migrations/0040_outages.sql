-- Declared outages, what became of them at the nodes, and the public schedules of packages as nodes
-- reported them. Times are microseconds since 1970, UTC (legal clock). The last five tables are
-- projections of regional journals: they can be dropped and built again.

CREATE TABLE outages (
  outage       TEXT    PRIMARY KEY,
  year         INTEGER NOT NULL,
  number       INTEGER NOT NULL,
  revision     INTEGER NOT NULL,
  state        TEXT    NOT NULL,
  publish_time INTEGER NOT NULL,
  UNIQUE (year, number)
);

-- `record` is the outage.revised payload as published.
CREATE TABLE outage_revisions (
  outage         TEXT    NOT NULL REFERENCES outages (outage),
  revision       INTEGER NOT NULL,
  record         BLOB    NOT NULL,
  national_index INTEGER NOT NULL UNIQUE,
  publish_time   INTEGER NOT NULL,
  PRIMARY KEY (outage, revision)
);

CREATE TABLE outage_receipts (
  outage         TEXT    NOT NULL,
  node_id        TEXT    NOT NULL,
  national_index INTEGER NOT NULL,
  outcome        TEXT    NOT NULL,
  late           INTEGER NOT NULL CHECK (late IN (0, 1)),
  detail         TEXT    NOT NULL,
  apply_time     INTEGER NOT NULL,
  PRIMARY KEY (outage, node_id)
);

CREATE TABLE packages (
  node_id     TEXT    NOT NULL,
  package     TEXT    NOT NULL,
  revision    INTEGER NOT NULL,
  cancelled   INTEGER NOT NULL DEFAULT 0 CHECK (cancelled IN (0, 1)),
  proposal    INTEGER NOT NULL DEFAULT 0,
  state       TEXT    NOT NULL DEFAULT 'NONE',
  record_time INTEGER NOT NULL,
  PRIMARY KEY (node_id, package)
);

CREATE TABLE package_stages (
  node_id    TEXT    NOT NULL,
  package    TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  end_time   INTEGER NOT NULL,
  PRIMARY KEY (node_id, package, position),
  FOREIGN KEY (node_id, package) REFERENCES packages (node_id, package)
);
CREATE INDEX package_stages_by_end ON package_stages (end_time, start_time);

-- Which outages the newest proposal of a package counts.
CREATE TABLE package_outages (
  node_id TEXT NOT NULL,
  package TEXT NOT NULL,
  outage  TEXT NOT NULL,
  PRIMARY KEY (outage, node_id, package),
  FOREIGN KEY (node_id, package) REFERENCES packages (node_id, package)
);
CREATE INDEX package_outages_by_package ON package_outages (node_id, package);
