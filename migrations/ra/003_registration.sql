-- Registration in full: corrections, the authoritative source, the black list, what acceptance waits for.
ALTER TABLE application ADD COLUMN corrects INTEGER;                    -- seq of the one it takes the place of
ALTER TABLE application ADD COLUMN source INTEGER NOT NULL DEFAULT 0;   -- enum source_result
ALTER TABLE application ADD COLUMN batch TEXT;
ALTER TABLE application ADD COLUMN issued_at INTEGER;                   -- the whole pair
ALTER TABLE application ADD COLUMN not_after INTEGER;                   -- of its signing certificate
CREATE INDEX application_holder ON application(entity, profile, class);
CREATE INDEX application_batch ON application(batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX application_issued ON application(state, issued_at);
CREATE INDEX revocation_certificate ON revocation(ca, serial);

-- What the source was asked and said, sealed in the record store (R30.3).
CREATE TABLE source_answer (
	id INTEGER PRIMARY KEY,
	application INTEGER NOT NULL REFERENCES application(seq),
	at INTEGER NOT NULL,
	result INTEGER NOT NULL,
	record BLOB NOT NULL
) STRICT;
CREATE INDEX source_answer_application ON source_answer(application);

-- Marks as of the table entity; the statement that has the number in clear lies sealed in the record store.
CREATE TABLE blacklist (
	id INTEGER PRIMARY KEY,
	mark BLOB NOT NULL,
	kind TEXT NOT NULL,                     -- number, code, entity
	reason TEXT NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER,                          -- NULL: without end
	added_by TEXT NOT NULL,
	added_at INTEGER NOT NULL,
	record BLOB NOT NULL UNIQUE,            -- SM3 of the sealed statement
	removed_by TEXT,
	removed_at INTEGER,
	removed_reason TEXT
) STRICT;
CREATE INDEX blacklist_mark ON blacklist(mark) WHERE removed_at IS NULL;
