-- How far the clock of this machine is to be trusted: the last measurement against the centre, the
-- clocks as they were seen last, and every step that was noticed. Times are microseconds since
-- 1970, UTC, of the wall clock; `monotonic` is in seconds and belongs to `boot_id`.

-- One row. `measure_*` are null before the first contact with the centre.
CREATE TABLE clock_state (
  one              INTEGER PRIMARY KEY CHECK (one = 1),
  -- the clocks that a step is noticed against
  boot_id          TEXT    NOT NULL,
  wall             INTEGER NOT NULL,
  monotonic        REAL    NOT NULL,
  -- the measurement: right time = wall + offset, give or take the error
  measure_boot_id  TEXT,
  measure_wall     INTEGER,
  measure_monotonic REAL,
  offset_seconds   REAL,
  error_seconds    REAL,
  -- by how much the wall clock has left monotonic time since the measurement
  shift_seconds    REAL    NOT NULL
);

-- Steps, newest kept only; each is in the journal too.
CREATE TABLE clock_steps (
  step           INTEGER PRIMARY KEY,
  before_time    INTEGER NOT NULL,
  after_time     INTEGER NOT NULL,
  before_boot_id TEXT    NOT NULL,
  after_boot_id  TEXT    NOT NULL,
  found          INTEGER NOT NULL
);

-- With accept_time and clock_error: the interval by which a submission is judged.
ALTER TABLE intake_submissions ADD COLUMN clock_offset REAL NOT NULL DEFAULT 0;

-- Every verdict of a submission, one per schedule revision that fell due. They are journalled with
-- the opening; the newest stands in intake_submissions too.
CREATE TABLE intake_judgements (
  submission        INTEGER NOT NULL REFERENCES intake_submissions (submission),
  schedule_revision INTEGER NOT NULL,
  verdict           INTEGER NOT NULL,
  deadline_time     INTEGER NOT NULL,
  PRIMARY KEY (submission, schedule_revision)
) WITHOUT ROWID;
INSERT INTO intake_judgements
  SELECT submission, judged_revision, verdict, deadline_time FROM intake_submissions
  WHERE judged_revision > 0;
