-- Lists of applications.  Each line is an application of its own, entered in the transaction that notes the line:
-- what is sent again after a crash finds its result here.
CREATE TABLE batch (
	id TEXT PRIMARY KEY,
	sm3 BLOB NOT NULL,                      -- of the file
	name TEXT NOT NULL,
	lines INTEGER NOT NULL,                 -- announced
	state INTEGER NOT NULL,                 -- 0 open, 1 cancelled
	by TEXT NOT NULL,
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX batch_file ON batch(sm3, by) WHERE state = 0;

CREATE TABLE batch_line (
	batch TEXT NOT NULL REFERENCES batch(id),
	line INTEGER NOT NULL,                  -- from 1; the header of a CSV is not counted
	application INTEGER REFERENCES application(seq),
	code TEXT,                              -- of a refusal
	text TEXT,
	PRIMARY KEY (batch, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_line_error ON batch_line(batch, line) WHERE application IS NULL;
