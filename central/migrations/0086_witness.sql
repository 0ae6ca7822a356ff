-- What contradicts the national journal: branches that nodes hold, and heads found anywhere.
-- Nothing here is ever deleted: it is evidence. Times are wall clock, RFC 3339.
CREATE TABLE national_branches (
    id INTEGER PRIMARY KEY,
    node_id TEXT NOT NULL,             -- who gave it first
    head BLOB NOT NULL,                -- serialized Head with the centre's own signature
    own_head BLOB NOT NULL,            -- what the centre's journal showed then
    epoch BLOB NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    common_size INTEGER NOT NULL,      -- entries that both histories begin with
    kept INTEGER NOT NULL,             -- the branch is stored up to this index
    since_time TEXT NOT NULL,
    UNIQUE (epoch, size, root)
);
CREATE TABLE national_branch_entries (
    branch INTEGER NOT NULL REFERENCES national_branches (id),
    idx INTEGER NOT NULL,
    bytes BLOB NOT NULL,               -- exactly as the node holds them
    PRIMARY KEY (branch, idx)
);

-- Heads with a valid signature that the journals here contradict, and where they were found.
CREATE TABLE witness_findings (
    id INTEGER PRIMARY KEY,
    party TEXT NOT NULL,
    epoch BLOB NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    head BLOB NOT NULL,                -- as found
    own_head BLOB NOT NULL,            -- of the journal here
    place TEXT NOT NULL,
    find_time TEXT NOT NULL,
    UNIQUE (party, epoch, size, root)
);
