-- Reconciliation runs as nodes recorded them; projected from their journals, can be rebuilt.
CREATE TABLE reconciliations (
    id INTEGER PRIMARY KEY,            -- order in which the centre received them
    name TEXT NOT NULL,                -- "recon/lpse-pacitan/7"
    node_id TEXT NOT NULL,
    epoch BLOB NOT NULL,
    idx INTEGER NOT NULL,              -- index of the record in the node's journal
    trigger INTEGER NOT NULL,          -- ReconciliationTrigger
    with_difference INTEGER NOT NULL,
    heads_equal INTEGER NOT NULL,
    record_time TEXT NOT NULL,         -- the node's legal clock, RFC 3339
    record BLOB NOT NULL,              -- serialized ReconciliationRecorded
    UNIQUE (node_id, epoch, idx)
);
CREATE INDEX reconciliations_by_name ON reconciliations (name);
