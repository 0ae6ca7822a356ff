-- Calendars, rule sets and policy as published. Times are microseconds since 1970, UTC (legal clock).
-- A row and its national entry are one transaction.

CREATE TABLE calendars (
  year           INTEGER NOT NULL,
  province       TEXT    NOT NULL,
  revision       INTEGER NOT NULL,
  record         BLOB    NOT NULL,
  national_index INTEGER NOT NULL,
  publish_time   INTEGER NOT NULL,
  PRIMARY KEY (year, province, revision)
);

CREATE TABLE rule_sets (
  rule_set       TEXT    PRIMARY KEY,
  record         BLOB    NOT NULL,
  national_index INTEGER NOT NULL,
  publish_time   INTEGER NOT NULL
);

-- One row at most: the policy in force.
CREATE TABLE policies (
  policy         INTEGER PRIMARY KEY CHECK (policy = 1),
  record         BLOB    NOT NULL,
  national_index INTEGER NOT NULL,
  publish_time   INTEGER NOT NULL
);
