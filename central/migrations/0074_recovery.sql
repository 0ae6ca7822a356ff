-- Branches: what nodes wrote beside the history that the ledger holds. Kept, never applied.
CREATE TABLE branches (
    id INTEGER PRIMARY KEY,
    node_id TEXT NOT NULL,
    epoch BLOB NOT NULL,
    first_index INTEGER NOT NULL,      -- size of the prefix that ledger and branch share
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    signature BLOB NOT NULL,           -- the node's, over the head of this size
    whole INTEGER NOT NULL,            -- 1: every entry is here and makes the signed root
    machine_only INTEGER NOT NULL,     -- 1: no entry stands for the act of a person
    offer_time TEXT NOT NULL,          -- wall clock, RFC 3339
    UNIQUE (node_id, epoch, root)
);
CREATE TABLE branch_entries (
    branch INTEGER NOT NULL REFERENCES branches (id),
    idx INTEGER NOT NULL,
    bytes BLOB NOT NULL,               -- exactly as received
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (branch, idx)
);
-- Recovery of a lost machine: a second person said yes, and one code may be made of it.
CREATE TABLE enrolment_recoveries (
    plan TEXT PRIMARY KEY,             -- the applied plan
    node_id TEXT NOT NULL,
    approved_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    code_id TEXT NOT NULL DEFAULT ''   -- the code that was made of it; empty until then
);
ALTER TABLE enrolment_codes ADD COLUMN recovers INTEGER NOT NULL DEFAULT 0;
