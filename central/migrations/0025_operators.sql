-- Persons of the centre, and plans of dangerous acts. Times are microseconds since 1970, UTC (wall
-- clock). A person's row and the national entry that tells of it are one transaction.
CREATE TABLE operators (
  name          TEXT    PRIMARY KEY,
  role          TEXT    NOT NULL,
  signing_key   BLOB    NOT NULL,
  added_by      TEXT    NOT NULL,
  create_time   INTEGER NOT NULL,
  revoke_time   INTEGER,
  revoked_by    TEXT    NOT NULL,
  revoke_reason TEXT    NOT NULL
);

-- `world` is the digest of what the plan depends on; `document` stays as it was hashed;
-- `result` names what came of it, and is empty before.
CREATE TABLE plans (
  plan             INTEGER PRIMARY KEY,
  digest           BLOB    NOT NULL UNIQUE,
  act              TEXT    NOT NULL,
  document         BLOB    NOT NULL,
  node_ids         TEXT    NOT NULL,
  world            BLOB    NOT NULL,
  created_by       TEXT    NOT NULL,
  reason           TEXT    NOT NULL,
  create_time      INTEGER NOT NULL,
  expire_time      INTEGER NOT NULL,
  approvals_needed INTEGER NOT NULL,
  result           TEXT    NOT NULL
);

CREATE INDEX plans_by_act ON plans (act, plan);

-- One signature per person and plan, verbatim as received.
CREATE TABLE plan_approvals (
  plan     INTEGER NOT NULL REFERENCES plans (plan),
  approver TEXT    NOT NULL,
  act      BLOB    NOT NULL,
  PRIMARY KEY (plan, approver)
);
