-- The centre's copy of every regional journal, how far each is projected, and what was set aside;
-- and the evidence that decides whether the centre may append to the national journal.
-- ledger_journals and ledger_entries are those of lpse.storage.received (a test keeps them equal).
CREATE TABLE ledger_journals (
    id INTEGER PRIMARY KEY,
    party TEXT NOT NULL,
    epoch BLOB NOT NULL,               -- 16 bytes, chosen by the writer
    size INTEGER NOT NULL,             -- durable entries; what STORED acknowledges
    root BLOB NOT NULL,
    signature BLOB NOT NULL,           -- the writer's, over the head of this size
    tree BLOB NOT NULL,                -- compact range of this size
    UNIQUE (party, epoch)
);
CREATE TABLE ledger_entries (
    journal INTEGER NOT NULL REFERENCES ledger_journals (id),
    idx INTEGER NOT NULL,
    bytes BLOB NOT NULL,               -- exactly as received
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (journal, idx)
);
CREATE TABLE ledger_watermarks (
    party TEXT NOT NULL,
    epoch BLOB NOT NULL,
    applied_size INTEGER NOT NULL,     -- entries below are projected or parked
    PRIMARY KEY (party, epoch)
);
CREATE TABLE ledger_parked (
    party TEXT NOT NULL,
    epoch BLOB NOT NULL,
    idx INTEGER NOT NULL,
    kind TEXT NOT NULL,                -- empty where the entry cannot be read
    reason TEXT NOT NULL,              -- in words, without the entry's content
    unknown_kind INTEGER NOT NULL,     -- 1: a newer program will know it
    park_time TEXT NOT NULL,           -- wall clock, RFC 3339
    PRIMARY KEY (party, epoch, idx)
);
CREATE TABLE national_contradictions (
    node_id TEXT PRIMARY KEY,
    head BLOB NOT NULL,                -- serialized Head with the centre's own signature
    relation TEXT NOT NULL,            -- "higher" or "forked"
    seen_time TEXT NOT NULL            -- wall clock, RFC 3339
);
