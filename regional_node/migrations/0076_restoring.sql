-- Own entries that came back from the centre and cannot be put back whole yet. Times are microseconds
-- since 1970, UTC (legal clock). Nothing of this leaves the node.

-- Accepted submissions and attempts whose details nobody here knows: their escrow could not be
-- opened, or they were made before there was one. They leave with the vendor's own receipt, with the
-- recovery code, or with the opening that revealed them.
CREATE TABLE restore_sealed (
  commitment  BLOB    PRIMARY KEY,
  refused     INTEGER NOT NULL CHECK (refused IN (0, 1)),
  epoch       BLOB    NOT NULL,
  idx         INTEGER NOT NULL,
  record      BLOB    NOT NULL,             -- the payload as journalled
  accept_time INTEGER NOT NULL              -- or when it was refused
) WITHOUT ROWID;
CREATE INDEX restore_sealed_by_time ON restore_sealed (accept_time) WHERE refused = 0;

-- Which row a commitment stands in that came back, or that an opening which came back revealed.
CREATE TABLE restore_submissions (
  commitment BLOB    PRIMARY KEY,
  submission INTEGER NOT NULL              -- intake_submissions.submission
) WITHOUT ROWID;

-- Entries that speak of something which is not here yet: a commitment, or a package.
CREATE TABLE restore_later (
  position    INTEGER PRIMARY KEY,          -- they are taken up again in this order
  subject     BLOB    NOT NULL,
  epoch       BLOB    NOT NULL,
  idx         INTEGER NOT NULL,
  kind        TEXT    NOT NULL,
  payload     BLOB    NOT NULL,
  entry_id    BLOB    NOT NULL,
  record_time INTEGER NOT NULL,
  UNIQUE (epoch, idx)
);
CREATE INDEX restore_later_by_subject ON restore_later (subject, position);

-- What a person should know about restored entries; recovery puts it into the record of its run.
CREATE TABLE restore_notes (
  note    INTEGER PRIMARY KEY,
  epoch   BLOB    NOT NULL,
  idx     INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  outcome TEXT    NOT NULL,
  detail  TEXT    NOT NULL,
  told    INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
  UNIQUE (epoch, idx, outcome)
);

-- Measured outages that came back under another number, because theirs was taken meanwhile.
CREATE TABLE restore_renamed (
  was TEXT PRIMARY KEY,
  is_now INTEGER NOT NULL
) WITHOUT ROWID;

-- What this node had told about national entries before it lost them: it is not told again.
CREATE TABLE restore_told (
  national_index INTEGER NOT NULL,
  directive      TEXT    NOT NULL,
  subject        TEXT    NOT NULL,
  late           INTEGER NOT NULL CHECK (late IN (0, 1)),
  outcome        TEXT    NOT NULL,
  record_time    INTEGER NOT NULL,
  PRIMARY KEY (national_index, directive, subject)
) WITHOUT ROWID;
