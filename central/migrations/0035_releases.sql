-- Releases and rollouts as published in the national journal, and what nodes reported of them.
-- Times are microseconds since 1970, UTC: wall clock of the centre unless said otherwise.
CREATE TABLE releases (
  release         INTEGER PRIMARY KEY,
  version         TEXT    NOT NULL UNIQUE,  -- canonical
  record          BLOB    NOT NULL,         -- ReleasePublished
  bundle_digest   BLOB    NOT NULL,
  national_index  INTEGER NOT NULL,
  publish_time    INTEGER NOT NULL,
  withdraw_time   INTEGER,                  -- NULL while it is offered
  withdraw_reason TEXT    NOT NULL DEFAULT '',
  withdrawn_by    TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX releases_by_bundle ON releases (bundle_digest);

CREATE TABLE rollouts (
  rollout     INTEGER PRIMARY KEY,
  name        TEXT    NOT NULL UNIQUE,
  record      BLOB    NOT NULL,             -- RolloutApplied
  state       INTEGER NOT NULL,             -- RolloutState
  reason      TEXT    NOT NULL,
  changed_by  TEXT    NOT NULL,             -- empty when a rule did it
  apply_time  INTEGER NOT NULL,
  change_time INTEGER NOT NULL
);
CREATE TABLE rollout_waves (
  rollout    INTEGER NOT NULL REFERENCES rollouts (rollout),
  wave_index INTEGER NOT NULL,
  open_time  INTEGER NOT NULL,
  PRIMARY KEY (rollout, wave_index)
) WITHOUT ROWID;
CREATE TABLE rollout_nodes (
  rollout    INTEGER NOT NULL REFERENCES rollouts (rollout),
  node_id    TEXT    NOT NULL,
  wave_index INTEGER NOT NULL,
  step       BLOB,                          -- UpgradeStepped, the newest; NULL before the first one
  seen_time  INTEGER,                       -- when the centre projected it
  ever_held  INTEGER NOT NULL DEFAULT 0 CHECK (ever_held IN (0, 1)),
  PRIMARY KEY (rollout, node_id)
) WITHOUT ROWID;
CREATE INDEX rollout_nodes_by_node ON rollout_nodes (node_id);
