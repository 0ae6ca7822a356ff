-- Persons of the node. Times are microseconds since 1970, UTC (wall clock). A person's row and the
-- journal entry that tells of it are one transaction.
CREATE TABLE officers (
  name          TEXT    PRIMARY KEY,
  role          TEXT    NOT NULL,
  signing_key   BLOB    NOT NULL,
  added_by      TEXT    NOT NULL,
  create_time   INTEGER NOT NULL,
  revoke_time   INTEGER,
  revoke_reason TEXT    NOT NULL
);

-- Signatures that were used and are still fresh: none counts twice.
CREATE TABLE officer_acts (
  signature BLOB    PRIMARY KEY,
  act_time  INTEGER NOT NULL
);

CREATE INDEX officer_acts_by_time ON officer_acts (act_time);
