-- The same table with its key first. SQLite 3.40 misreads the order of a WITHOUT ROWID table whose
-- key columns are not its first ones: quick_check then calls every row damaged, and the look at the
-- start would keep a node from starting after the first decision that ended a hold.

CREATE TABLE schedule_releases_by_key (
  package     TEXT    NOT NULL REFERENCES schedule_packages (package),
  revision    INTEGER NOT NULL,
  decide_time INTEGER NOT NULL,
  decision    BLOB    NOT NULL,
  PRIMARY KEY (package, revision, decide_time)
) WITHOUT ROWID;

INSERT INTO schedule_releases_by_key (package, revision, decide_time, decision)
  SELECT package, revision, decide_time, decision FROM schedule_releases;

DROP TABLE schedule_releases;

ALTER TABLE schedule_releases_by_key RENAME TO schedule_releases;
