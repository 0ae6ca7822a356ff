-- The log of reconciliation, entry by entry: an index over `reconciliations`, can be rebuilt.
CREATE TABLE recon_entries (
    id INTEGER PRIMARY KEY,            -- order in which the centre received them
    run INTEGER NOT NULL REFERENCES reconciliations (id),
    number INTEGER NOT NULL,           -- place in the run, 0 for the first
    node_id TEXT NOT NULL,             -- whom the run is about
    province TEXT NOT NULL,
    begin_time INTEGER NOT NULL,       -- of the run, legal clock, microseconds since 1970
    trigger INTEGER NOT NULL,
    classification INTEGER NOT NULL,
    rule TEXT NOT NULL,
    state INTEGER NOT NULL,            -- EntryState as of now
    resolved_by TEXT NOT NULL,
    tokens TEXT NOT NULL,              -- what the index below holds of the row
    UNIQUE (run, number)
);
CREATE INDEX recon_entries_by_time ON recon_entries (begin_time);
-- Few entries are unfinished at any time.
CREATE INDEX recon_entries_waiting ON recon_entries (state, node_id) WHERE state IN (2, 3);

-- One inverted index for every filter: values and words are tokens of the row.
CREATE VIRTUAL TABLE recon_index USING fts5 (
    tokens, content = 'recon_entries', content_rowid = 'id', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

-- How many entries have a token of a facet: the counts of an unfiltered log.
CREATE TABLE recon_counts (
    token TEXT PRIMARY KEY,
    facet TEXT NOT NULL,
    value TEXT NOT NULL,
    entries INTEGER NOT NULL
);
CREATE INDEX recon_counts_by_facet ON recon_counts (facet, entries);

-- Files of packages that were opened; before the opening nothing is known here.
CREATE TABLE recon_package_blobs (
    node_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    package TEXT NOT NULL,
    PRIMARY KEY (node_id, digest, package)
);
-- Entries about stored bytes, so that an opening finds them.
CREATE TABLE recon_entry_blobs (
    node_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    entry INTEGER NOT NULL REFERENCES recon_entries (id),
    PRIMARY KEY (node_id, digest, entry)
);
-- How far the national journal was read for runs and resolutions, and older runs were indexed.
CREATE TABLE recon_cursors (
    name TEXT PRIMARY KEY,
    epoch BLOB NOT NULL,
    next INTEGER NOT NULL
);
-- '' = the node itself wrote the run; otherwise the centre did, in the national journal.
ALTER TABLE reconciliations ADD COLUMN party TEXT NOT NULL DEFAULT '';
ALTER TABLE reconciliations ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX reconciliations_to_index ON reconciliations (id) WHERE indexed = 0;
