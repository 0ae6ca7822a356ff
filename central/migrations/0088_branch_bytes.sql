-- Bytes of a branch's entries: what one node may fill is bounded.
ALTER TABLE branches ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE branches SET bytes = (
    SELECT coalesce(sum(length(branch_entries.bytes)), 0) FROM branch_entries
    WHERE branch_entries.branch = branches.id
);
