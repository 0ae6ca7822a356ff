-- Runs of the centre's own findings; the record waits here while the national gate is shut.
CREATE TABLE recon_central_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of finding
    number INTEGER UNIQUE,                 -- "recon/lkpp/<number>"; NULL until it is journalled
    node_id TEXT NOT NULL,                 -- '' where no node is concerned
    day TEXT NOT NULL,                     -- UTC date on which it was found
    record BLOB NOT NULL
);
CREATE INDEX recon_central_runs_by_day ON recon_central_runs (node_id, day);
CREATE INDEX recon_central_runs_pending ON recon_central_runs (id) WHERE number IS NULL;

-- What was found already, so that each finding is written once.
CREATE TABLE recon_central_findings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node_id TEXT NOT NULL,
    digest BLOB NOT NULL,                  -- over rule, object and both sides' evidence
    UNIQUE (node_id, digest)
);

-- What persons decided about entries of runs, as the national journal says it.
CREATE TABLE recon_resolutions (
    number INTEGER PRIMARY KEY,            -- "resolutions/<number>"
    node_id TEXT NOT NULL,
    run TEXT NOT NULL,
    entry INTEGER NOT NULL,                -- place in the run, 0 for the first
    object TEXT NOT NULL,
    attachment_digest BLOB NOT NULL,       -- empty where there is none
    record BLOB NOT NULL,
    national_index INTEGER NOT NULL,
    resolve_time INTEGER NOT NULL          -- legal clock, microseconds since 1970
);
CREATE INDEX recon_resolutions_by_entry ON recon_resolutions (run, entry, number);
CREATE INDEX recon_resolutions_by_object ON recon_resolutions (node_id, object, number);
CREATE INDEX recon_resolutions_by_attachment ON recon_resolutions (attachment_digest);

-- Attachments are a third origin of stored bytes. A check cannot be changed in place.
CREATE TABLE blobs_with_attachments (
    digest     BLOB    PRIMARY KEY,        -- SHA-256 as re-read from the disk
    size_bytes INTEGER NOT NULL,
    origin     TEXT    NOT NULL CHECK (origin IN ('upload', 'bundle', 'attachment')),
    store_time INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO blobs_with_attachments SELECT digest, size_bytes, origin, store_time FROM blobs;
DROP TABLE blobs;
ALTER TABLE blobs_with_attachments RENAME TO blobs;

-- Which rows of the log (recon_entries.id) ask the same question, and what answered it.
CREATE TABLE recon_topics (
    topic BLOB NOT NULL,
    entry INTEGER NOT NULL,
    lasting INTEGER NOT NULL,              -- an answer also holds for who asks later
    PRIMARY KEY (topic, entry)
) WITHOUT ROWID;
CREATE INDEX recon_topics_by_entry ON recon_topics (entry);
CREATE TABLE recon_answers (
    topic BLOB PRIMARY KEY,
    answered_by TEXT NOT NULL              -- a run, or a party with its resolution
) WITHOUT ROWID;
