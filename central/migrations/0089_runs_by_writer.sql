-- Runs are told apart by who wrote them: a node chooses the epochs of its own journal, and one that
-- takes the national one must not stand where the centre's own runs about it stand.
PRAGMA defer_foreign_keys = 1;
CREATE TABLE reconciliations_before AS SELECT * FROM reconciliations;
DROP TABLE reconciliations;
CREATE TABLE reconciliations (
    id INTEGER PRIMARY KEY,            -- order in which the centre received them
    name TEXT NOT NULL,                -- "recon/lpse-pacitan/7"
    node_id TEXT NOT NULL,             -- whom the run is about
    epoch BLOB NOT NULL,
    idx INTEGER NOT NULL,              -- index of the record in the writer's journal
    trigger INTEGER NOT NULL,          -- ReconciliationTrigger
    with_difference INTEGER NOT NULL,
    heads_equal INTEGER NOT NULL,
    record_time TEXT NOT NULL,         -- the writer's legal clock, RFC 3339
    record BLOB NOT NULL,              -- serialized ReconciliationRecorded
    party TEXT NOT NULL DEFAULT '',    -- '' = the node wrote it; otherwise who did
    indexed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (node_id, party, epoch, idx)
);
INSERT INTO reconciliations (
    id, name, node_id, epoch, idx, trigger, with_difference, heads_equal, record_time, record,
    party, indexed
) SELECT
    id, name, node_id, epoch, idx, trigger, with_difference, heads_equal, record_time, record,
    party, indexed
FROM reconciliations_before;
DROP TABLE reconciliations_before;
CREATE INDEX reconciliations_by_name ON reconciliations (name);
CREATE INDEX reconciliations_to_index ON reconciliations (id) WHERE indexed = 0;
