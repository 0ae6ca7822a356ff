-- What the node remembers of its link to the centre.
CREATE TABLE link_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    token_number INTEGER NOT NULL DEFAULT 0,
    token_value BLOB,
    stored_head BLOB,                  -- serialized Head: newest own head acknowledged as STORED
    applied_size INTEGER NOT NULL DEFAULT 0,
    parked TEXT NOT NULL DEFAULT '[]', -- own indexes that the centre set aside, JSON
    pause_reason TEXT NOT NULL DEFAULT '',
    contradiction BLOB,                -- serialized CentreContradicted that was journalled last
    end_time TEXT,                     -- wall clock when the last session ended
    ever_connected INTEGER NOT NULL DEFAULT 0
);
INSERT INTO link_state (one) VALUES (1);
CREATE TABLE link_attempts (
    id INTEGER PRIMARY KEY,
    begin_time TEXT NOT NULL,          -- wall clock
    number INTEGER NOT NULL,           -- 1 for the first one after the last session ended
    outcome TEXT NOT NULL,             -- 'connected' or a code
    cause TEXT NOT NULL,
    wait_seconds REAL NOT NULL         -- waited before this attempt
);
CREATE TABLE link_cosignatures (
    epoch BLOB PRIMARY KEY,            -- of the own journal: the newest head that the centre cosigned
    head BLOB NOT NULL,                -- serialized Head
    cosignature BLOB NOT NULL          -- serialized Cosignature of the centre
);
