-- How far the clock was off when a package was opened; NULL where an older program opened it.
ALTER TABLE intake_openings ADD COLUMN clock_offset REAL;
ALTER TABLE intake_openings ADD COLUMN clock_error REAL;
