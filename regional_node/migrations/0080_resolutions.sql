-- What officers decided about entries of this node's own runs, as its journal says it.
CREATE TABLE recon_resolutions (
    number INTEGER PRIMARY KEY,            -- "resolutions/<number>"
    run TEXT NOT NULL,
    entry INTEGER NOT NULL,                -- place in the run, 0 for the first
    record BLOB NOT NULL,
    epoch BLOB NOT NULL,
    idx INTEGER NOT NULL,                  -- place of the record in the node's journal
    resolve_time INTEGER NOT NULL          -- legal clock, microseconds since 1970
);
CREATE INDEX recon_resolutions_by_entry ON recon_resolutions (run, entry, number);
