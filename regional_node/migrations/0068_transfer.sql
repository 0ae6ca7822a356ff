-- The order of the queue to the centre, and local copies that were freed. Packages stand here for
-- deadlines only and never leave this file. Times are microseconds since 1970, UTC; deadlines are
-- legal time.
ALTER TABLE transfer_blobs ADD COLUMN deadline INTEGER;            -- least of its packages; NULL: none
ALTER TABLE transfer_blobs ADD COLUMN shuffle INTEGER NOT NULL DEFAULT 0;  -- order within a grain
ALTER TABLE transfer_blobs ADD COLUMN freed_time INTEGER;          -- local copy given up; NULL: kept
ALTER TABLE transfer_blobs ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;     -- 1: its file is deleted
ALTER TABLE transfer_blobs ADD COLUMN freed_references INTEGER;    -- intake's count when it was freed
CREATE INDEX transfer_blobs_by_deadline ON transfer_blobs (deadline) WHERE state <> 'VERIFIED';
CREATE INDEX transfer_blobs_by_size ON transfer_blobs (size_bytes, item) WHERE state <> 'VERIFIED';
CREATE INDEX transfer_blobs_freed ON transfer_blobs (freed_time) WHERE freed_time IS NOT NULL;

-- What the disk must hold. The same content accepted once more counts at once, in the transaction
-- that accepts it, because its count has grown since it was freed.
CREATE VIEW kept_blobs AS
  SELECT intake_blobs.* FROM intake_blobs WHERE NOT EXISTS (
    SELECT 1 FROM transfer_blobs WHERE transfer_blobs.digest = intake_blobs.digest
      AND freed_time IS NOT NULL AND freed_references >= reference_count
  );

-- Which packages need a blob, followed from the accepted submissions.
CREATE TABLE transfer_needs (
  digest  BLOB NOT NULL,
  package TEXT NOT NULL,
  PRIMARY KEY (digest, package)
) WITHOUT ROWID;
CREATE INDEX transfer_needs_by_package ON transfer_needs (package);

CREATE TABLE transfer_packages (
  package  TEXT    PRIMARY KEY,
  deadline INTEGER                      -- effective one, as last asked; NULL: none
) WITHOUT ROWID;

-- One row: submissions up to this number were looked at.
CREATE TABLE transfer_needed (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  submission INTEGER NOT NULL
);
INSERT INTO transfer_needed VALUES (1, 0);
