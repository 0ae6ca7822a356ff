-- A number may be given again after a restore, so that a run is found by its name and its place.
ALTER TABLE recon_runs ADD COLUMN epoch BLOB NOT NULL DEFAULT x'';  -- whose index idx is; '' before
ALTER TABLE recon_runs ADD COLUMN name TEXT NOT NULL DEFAULT '';    -- as the record says
-- The name is the first field of a record: its tag, its length in one byte, its letters.
UPDATE recon_runs SET name = CAST(substr(
    record, 3,
    16 * (instr('0123456789ABCDEF', substr(hex(record), 3, 1)) - 1)
    + instr('0123456789ABCDEF', substr(hex(record), 4, 1)) - 1
) AS TEXT);
UPDATE recon_runs SET epoch = coalesce((
    SELECT e.epoch FROM journal_entries j JOIN journal_epochs e ON e.number = j.epoch
    WHERE j.idx = recon_runs.idx AND j.kind = 'reconciliation.recorded'
    AND instr(j.bytes, recon_runs.record) > 0
    ORDER BY e.number LIMIT 1
), x'') WHERE finished = 1;
CREATE INDEX recon_runs_by_name ON recon_runs (name);
