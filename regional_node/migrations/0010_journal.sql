-- The journal that this party writes. The same file serves the centre and a node; a test keeps
-- both copies equal. Rows are inserted once and never changed (Invariant 2).
CREATE TABLE journal_epochs (
    number INTEGER PRIMARY KEY,        -- 1, 2, 3 ... in the order of opening
    epoch BLOB NOT NULL UNIQUE,        -- 16 random bytes
    open_time TEXT NOT NULL,           -- legal time, RFC 3339, for people
    reason TEXT NOT NULL,
    continues_from BLOB                -- serialized Head of the epoch before; NULL for the first
);
CREATE TABLE journal_entries (
    epoch INTEGER NOT NULL REFERENCES journal_epochs (number),
    idx INTEGER NOT NULL,              -- dense from 0 within its epoch
    entry_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    bytes BLOB NOT NULL,               -- exactly as hashed and sent
    leaf_hash BLOB NOT NULL,
    UNIQUE (epoch, idx),
    UNIQUE (epoch, entry_id)
);
CREATE TABLE journal_heads (
    epoch INTEGER NOT NULL REFERENCES journal_epochs (number),
    size INTEGER NOT NULL,             -- a batch may end here
    root BLOB NOT NULL,
    signature BLOB NOT NULL,
    UNIQUE (epoch, size)
);
