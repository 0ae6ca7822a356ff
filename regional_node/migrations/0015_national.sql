-- The node's copy of the national journal and the state folded from it.
-- national_journals and national_entries are those of lpse.storage.received (a test keeps them
-- equal).
CREATE TABLE national_journals (
    id INTEGER PRIMARY KEY,
    party TEXT NOT NULL,
    epoch BLOB NOT NULL,               -- 16 bytes, chosen by the writer
    size INTEGER NOT NULL,             -- durable entries; what STORED acknowledges
    root BLOB NOT NULL,
    signature BLOB NOT NULL,           -- the writer's, over the head of this size
    tree BLOB NOT NULL,                -- compact range of this size
    UNIQUE (party, epoch)
);
CREATE TABLE national_entries (
    journal INTEGER NOT NULL REFERENCES national_journals (id),
    idx INTEGER NOT NULL,
    bytes BLOB NOT NULL,               -- exactly as received
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (journal, idx)
);
CREATE TABLE national_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,             -- entries folded; moves with the snapshot
    snapshot BLOB NOT NULL,            -- desired state, JSON
    pinned BLOB                        -- desired state before the first entry that was not folded
);
