-- Enrolment: one-use codes, the keys that are bound to nodes, and nonces of renewals. Times are
-- microseconds since 1970, UTC (wall clock). A node's row and the national entry that tells of it
-- are one transaction. Operators have a table of their own.
CREATE TABLE enrolment_codes (
  code_id       TEXT    PRIMARY KEY,
  subject_kind  TEXT    NOT NULL CHECK (subject_kind IN ('node', 'operator')),
  subject       TEXT    NOT NULL,
  province      TEXT    NOT NULL,
  zone          TEXT    NOT NULL,
  role          TEXT    NOT NULL,
  proof_key     BLOB    NOT NULL,
  state         TEXT    NOT NULL CHECK (state IN ('OPEN', 'USED', 'REVOKED', 'LOCKED')),
  failures      INTEGER NOT NULL,
  created_by    TEXT    NOT NULL,
  create_time   INTEGER NOT NULL,
  expire_time   INTEGER NOT NULL,
  use_time      INTEGER,
  signing_key   BLOB,
  ended_by      TEXT    NOT NULL,
  end_reason    TEXT    NOT NULL
);

CREATE INDEX enrolment_codes_by_time ON enrolment_codes (create_time, code_id);

-- One code at a time can make somebody this subject.
CREATE UNIQUE INDEX enrolment_codes_one_open
  ON enrolment_codes (subject_kind, subject) WHERE state = 'OPEN';

-- One row per key that was ever bound: a revoked key stays known, so that it never comes back.
CREATE TABLE node_bindings (
  signing_key             BLOB    PRIMARY KEY,
  node_id                 TEXT    NOT NULL,
  province                TEXT    NOT NULL,
  zone                    TEXT    NOT NULL,
  enrol_time              INTEGER NOT NULL,
  certificate_expire_time INTEGER NOT NULL,
  revoke_time             INTEGER,
  revoked_by              TEXT    NOT NULL,
  revoke_reason           TEXT    NOT NULL
);

CREATE UNIQUE INDEX node_bindings_one_active
  ON node_bindings (node_id) WHERE revoke_time IS NULL;

CREATE INDEX node_bindings_by_node ON node_bindings (node_id, enrol_time);

CREATE TABLE renewal_nonces (
  nonce       BLOB    PRIMARY KEY,
  forget_time INTEGER NOT NULL
);

CREATE INDEX renewal_nonces_by_time ON renewal_nonces (forget_time);
