-- Entries that did not continue the centre's copy: the next hellos of that journal are a fork.
CREATE TABLE link_contradictions (
    node_id TEXT PRIMARY KEY,
    epoch BLOB NOT NULL,               -- of the node's journal
    size INTEGER NOT NULL,             -- of the copy that was contradicted; a longer one is another
    root BLOB NOT NULL,
    times INTEGER NOT NULL,            -- how often, with this very copy
    proved INTEGER NOT NULL DEFAULT 0  -- 1: the node has since shown that very root as its own
) WITHOUT ROWID;
