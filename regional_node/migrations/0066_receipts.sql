-- Receipts beyond their signed text: short codes, proofs made after opening, and the roots of parts
-- of the own journal from which paths are made quickly.

-- The code of every receipt ever issued; says nothing of package or vendor.
CREATE TABLE receipt_codes (
  code       TEXT    PRIMARY KEY,
  submission INTEGER NOT NULL UNIQUE  -- intake_submissions.submission; codes follow it in order
) WITHOUT ROWID;

-- A proof stays the same bytes once it was handed out.
CREATE TABLE receipt_proofs (
  intake_key TEXT PRIMARY KEY,
  proof      BLOB NOT NULL
) WITHOUT ROWID;

-- Roots of whole tiles of leaves; entries never change, so neither do these.
CREATE TABLE receipt_tiles (
  epoch    BLOB    NOT NULL,
  position INTEGER NOT NULL,          -- index of the first leaf, divided by the leaves of a tile
  root     BLOB    NOT NULL,
  PRIMARY KEY (epoch, position)
) WITHOUT ROWID;
