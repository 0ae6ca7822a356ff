-- Which entries of the log have a token of a facet, as sets by stretches of entries: counts of broad
-- filters meet them instead of reading rows. Follows from recon_entries, can be rebuilt.
CREATE TABLE recon_bits (
    id INTEGER PRIMARY KEY,
    token TEXT NOT NULL,
    stretch INTEGER NOT NULL,          -- number of the entry divided by the length of a stretch
    bits BLOB NOT NULL,                -- see central/reconciliation/bits.py
    UNIQUE (token, stretch)
);
-- Entries that were kept before are taken in at the start; the row goes when all are.
INSERT INTO recon_cursors (name, epoch, next)
SELECT 'bits', x'', 0 WHERE EXISTS (SELECT 1 FROM recon_entries);
