-- Files that officers attach to decisions about this node's own runs. They are never freed: their
-- digest stands in the journal, and the centre has no copy. One that no decision names yet may be
-- dropped again.
CREATE TABLE recon_attachments (
    digest BLOB PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    store_time INTEGER NOT NULL,           -- microseconds since 1970, UTC
    named INTEGER NOT NULL DEFAULT 0       -- 1: a decision in the journal names it
) WITHOUT ROWID;
CREATE INDEX recon_attachments_unnamed ON recon_attachments (store_time) WHERE named = 0;

-- What the disk must hold: uploads until they are freed, and attachments.
DROP VIEW kept_blobs;
CREATE VIEW kept_uploads AS
  SELECT digest, size_bytes, store_time FROM intake_blobs WHERE NOT EXISTS (
    SELECT 1 FROM transfer_blobs WHERE transfer_blobs.digest = intake_blobs.digest
      AND freed_time IS NOT NULL AND freed_references >= reference_count
  );
CREATE VIEW kept_blobs AS
  SELECT digest, size_bytes, store_time FROM kept_uploads
  UNION ALL
  SELECT digest, size_bytes, store_time FROM recon_attachments WHERE NOT EXISTS (
    SELECT 1 FROM kept_uploads WHERE kept_uploads.digest = recon_attachments.digest
  );
