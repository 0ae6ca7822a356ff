-- Session tokens as SHA-256, quarantines, and what nodes cosigned.
CREATE TABLE link_tokens (
    node_id TEXT PRIMARY KEY,
    confirmed_number INTEGER,          -- NULL until the node has confirmed one
    confirmed_digest BLOB,
    issued_number INTEGER,             -- handed out and not confirmed yet
    issued_digest BLOB,
    amnesty INTEGER NOT NULL DEFAULT 0 -- 1: an operator released a quarantine; any token, once
);
CREATE TABLE link_quarantines (
    node_id TEXT PRIMARY KEY,
    relation INTEGER NOT NULL,         -- HeadRelation
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    head BLOB,                         -- serialized Head that the node showed
    since_time TEXT NOT NULL           -- wall clock, RFC 3339
);
CREATE TABLE link_witnesses (
    node_id TEXT NOT NULL,
    epoch BLOB NOT NULL,               -- of the national journal
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    time_seconds INTEGER NOT NULL,     -- the node's wall clock
    signature BLOB NOT NULL,           -- cosignature/v1 of the node
    PRIMARY KEY (node_id, epoch)
);
