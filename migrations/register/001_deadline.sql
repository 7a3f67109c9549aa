-- Editions of the working calendar (C02): entered by one officer, decided by another.
CREATE TABLE calendar_edition (
	id INTEGER PRIMARY KEY,
	year INTEGER NOT NULL,
	edition INTEGER NOT NULL,
	hash BLOB NOT NULL UNIQUE,              -- SM3 of the statement
	statement BLOB NOT NULL,
	entered_by TEXT NOT NULL,
	entered_at INTEGER NOT NULL,
	state TEXT NOT NULL,                    -- draft, confirmed or refused
	decision BLOB,                          -- statement of the second person
	decided_by TEXT,
	decided_at INTEGER
) STRICT;
CREATE UNIQUE INDEX calendar_edition_once ON calendar_edition(year, edition) WHERE state <> 'refused';

-- Which editions a deadline was counted with.
CREATE TABLE calendar_set (
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	editions BLOB NOT NULL,                 -- JSON
	at INTEGER NOT NULL
) STRICT;

-- Clocks (C11).  Days are numbers, 1970-01-01 in China = 0.  open: the state may still change.
CREATE TABLE deadline (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,              -- CASE/RULE/N
	rules TEXT NOT NULL,
	rule TEXT NOT NULL,
	article TEXT NOT NULL,
	obliged TEXT NOT NULL,
	towards TEXT NOT NULL,
	superior TEXT NOT NULL,
	start_event TEXT NOT NULL,
	start_evidence BLOB,
	start_at INTEGER NOT NULL,
	start_day INTEGER NOT NULL,
	unit TEXT NOT NULL,
	n INTEGER NOT NULL,
	direction TEXT NOT NULL,
	reading INTEGER NOT NULL,               -- the switches it is counted by, as bits
	due_day INTEGER NOT NULL,
	due_at INTEGER NOT NULL,                -- the first instant that is too late
	provisional INTEGER NOT NULL,
	calendar INTEGER NOT NULL REFERENCES calendar_set(id),
	state TEXT NOT NULL,
	open INTEGER NOT NULL,
	stop_event TEXT,
	stop_evidence BLOB,
	stop_at INTEGER,
	next_warning INTEGER                    -- the day on which the next one is to be given
) STRICT;
CREATE INDEX deadline_counted ON deadline(unit, direction, n, start_day, reading) WHERE open = 1;
CREATE INDEX deadline_warned ON deadline(next_warning) WHERE next_warning IS NOT NULL;
CREATE INDEX deadline_due ON deadline(due_at) WHERE open = 1;

-- What became of a clock and why; the old value stays readable (C06).
CREATE TABLE deadline_history (
	id INTEGER PRIMARY KEY,
	deadline INTEGER NOT NULL REFERENCES deadline(id),
	at INTEGER NOT NULL,
	reason TEXT NOT NULL,
	old_due_at INTEGER,
	new_due_at INTEGER NOT NULL,
	old_calendar INTEGER,
	new_calendar INTEGER NOT NULL,
	old_state TEXT,
	new_state TEXT NOT NULL
) STRICT;
CREATE INDEX deadline_history_of ON deadline_history(deadline);

-- What a party was told; a kind once to each (C12).
CREATE TABLE deadline_notice (
	id INTEGER PRIMARY KEY,
	deadline INTEGER NOT NULL REFERENCES deadline(id),
	kind TEXT NOT NULL,                     -- "5", "2", "0", "overdue:DAY", "moved:SET"
	party TEXT NOT NULL,
	at INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	UNIQUE (deadline, kind, party)
) STRICT;

-- The time as it was last believed (C13); one row.  doubted_at: since when it is not.
CREATE TABLE deadline_time (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	at INTEGER NOT NULL,
	doubted_at INTEGER,
	attestation BLOB,
	attested_by TEXT
) STRICT;
