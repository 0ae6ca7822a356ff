-- Findings beyond the daily limit of a node: not written, but counted until a run tells how many.
CREATE TABLE recon_central_passed (
    node_id TEXT NOT NULL,
    day TEXT NOT NULL,                     -- UTC date on which they were found
    rule TEXT NOT NULL,
    digest BLOB NOT NULL,                  -- of the finding; empty beyond the number of distinct ones
    times INTEGER NOT NULL,
    PRIMARY KEY (node_id, day, rule, digest)
) WITHOUT ROWID;

-- The newest recovery of each node that the centre noticed, as its own runs tell it.
CREATE TABLE recon_recoveries (
    node_id TEXT PRIMARY KEY,
    object TEXT NOT NULL,                  -- what a person acknowledges
    notice_time INTEGER NOT NULL,          -- legal clock, microseconds since 1970
    machine BLOB NOT NULL                  -- the evidence of the node's side: address, boot, software
) WITHOUT ROWID;
