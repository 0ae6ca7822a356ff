-- Reconciliation runs of this node: one row per run, the record as journalled.
CREATE TABLE recon_runs (
    number INTEGER PRIMARY KEY,        -- 1, 2, 3 ...
    trigger INTEGER NOT NULL,          -- ReconciliationTrigger
    finished INTEGER NOT NULL,
    with_difference INTEGER NOT NULL,
    heads_equal INTEGER NOT NULL,
    idx INTEGER,                       -- index of the record in the own journal; NULL before
    record BLOB NOT NULL,              -- serialized ReconciliationRecorded, as known so far
    record_time TEXT                   -- legal clock; NULL before
);
