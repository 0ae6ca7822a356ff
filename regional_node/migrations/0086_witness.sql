-- Heads with the centre's own signature that contradict this node's copy, as other nodes saw them.
-- Nothing here is ever deleted: it is evidence.
CREATE TABLE witness_findings (
    epoch BLOB NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    head BLOB NOT NULL,                -- as shown, signed by the centre
    cosignature BLOB NOT NULL,         -- the other node's word; may be empty
    held BLOB NOT NULL,                -- the head held here then
    find_time TEXT NOT NULL,           -- wall clock, RFC 3339
    PRIMARY KEY (epoch, size, root)
);
