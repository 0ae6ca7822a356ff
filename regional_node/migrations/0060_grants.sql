-- Upload grants. Times are microseconds since 1970, UTC (legal clock). A token is kept as its
-- SHA-256 only; the key that makes tokens lies in a file beside the database, outside backups.
CREATE TABLE grants (
  grant_id       INTEGER PRIMARY KEY,
  name           TEXT    NOT NULL UNIQUE,
  token_digest   BLOB    NOT NULL UNIQUE,
  -- SHA-256 of the request_id, and of what was asked for with it; NULL where none was given
  request_digest BLOB    UNIQUE,
  wish_digest    BLOB    NOT NULL,
  package        TEXT    NOT NULL,
  stage          TEXT    NOT NULL,
  vendor         TEXT    NOT NULL,
  channel        TEXT    NOT NULL,
  seat           INTEGER NOT NULL,
  bytes_max      INTEGER NOT NULL,
  extra          TEXT    NOT NULL,
  create_time    INTEGER NOT NULL,
  expire_time    INTEGER NOT NULL,
  revoke_time    INTEGER,
  revoke_reason  TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX grants_by_package ON grants (package);
