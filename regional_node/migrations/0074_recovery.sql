-- Recovery: what the journal left behind, what is being read back, and how far it has come.
CREATE TABLE journal_branch_heads (
    epoch BLOB NOT NULL,               -- the epoch that the branch left
    first_index INTEGER NOT NULL,      -- size of the common prefix
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    signature BLOB NOT NULL,           -- the node's own, over the head that covered the branch
    UNIQUE (epoch, root)
);
CREATE TABLE journal_branches (
    epoch BLOB NOT NULL,
    root BLOB NOT NULL,                -- of the branch's head: an epoch may be left more than once
    idx INTEGER NOT NULL,
    entry_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    bytes BLOB NOT NULL,
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (epoch, root, idx)
);
CREATE TABLE recovery_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cause TEXT NOT NULL DEFAULT '',    -- '' nothing to do; 'backup', 'rewound' or 'machine lost'
    advice INTEGER NOT NULL DEFAULT 0, -- RecoveryAdvice that the centre gave last
    rule TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    branch TEXT NOT NULL DEFAULT '',   -- object at the centre that a person decides about
    returned INTEGER NOT NULL DEFAULT 0, -- entries that came back since the cause began
    imported INTEGER NOT NULL DEFAULT 0, -- own entries that were written again
    kept INTEGER NOT NULL DEFAULT 0    -- own entries that moved to a branch
);
INSERT INTO recovery_state (one) VALUES (1);
CREATE TABLE recovery_entries (        -- read back and not yet shown to make the signed head
    epoch BLOB NOT NULL,
    idx INTEGER NOT NULL,
    entry_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    bytes BLOB NOT NULL,
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (epoch, idx)
);
CREATE TABLE recovery_epochs (         -- verified and in the journal; tables are being rebuilt
    epoch BLOB PRIMARY KEY,
    next_index INTEGER NOT NULL,
    last_index INTEGER NOT NULL,
    moved INTEGER NOT NULL DEFAULT 0   -- 1: own entries that stand at a new place
);
CREATE TABLE recovery_agreed (         -- what both held when the centre advised a new identity
    epoch BLOB PRIMARY KEY,
    prefix INTEGER NOT NULL,
    centre_size INTEGER NOT NULL
);
CREATE TABLE recovery_blobs (          -- named by entries that came back, and not here yet
    digest BLOB PRIMARY KEY,
    size_bytes INTEGER NOT NULL
);
CREATE TABLE journal_former_keys (     -- epochs that were not signed with the present key
    epoch BLOB PRIMARY KEY,
    party TEXT NOT NULL,               -- the node's id at that time
    signing_key BLOB NOT NULL
);
