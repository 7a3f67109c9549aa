-- Reports of loss (R31, b.17): received when it was said, effective when the CA has it.
CREATE TABLE loss (
	id INTEGER PRIMARY KEY,
	application INTEGER NOT NULL REFERENCES application(seq),
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	state INTEGER NOT NULL,                 -- enum loss_state
	way TEXT NOT NULL,                      -- key, code, officer
	reported INTEGER NOT NULL,              -- when somebody said so (R31.1)
	effect INTEGER,                         -- when the CA held or revoked it
	by TEXT NOT NULL                        -- person or instance
) STRICT;
-- At most one report of a pair is open: revoked, released and what follows them are not.
CREATE UNIQUE INDEX loss_open ON loss(application) WHERE state < 20;

CREATE TABLE loss_history (
	loss INTEGER NOT NULL REFERENCES loss(id),
	n INTEGER NOT NULL,
	at INTEGER NOT NULL,
	event TEXT NOT NULL,
	state INTEGER NOT NULL,                 -- after it
	by TEXT NOT NULL,
	statement BLOB,                         -- SM3 of the statement that says so
	PRIMARY KEY (loss, n)
) STRICT, WITHOUT ROWID;

-- The code given at the counter: one use, kept as a keyed hash.
CREATE TABLE revocation_code (
	application INTEGER PRIMARY KEY REFERENCES application(seq),
	mac BLOB NOT NULL,
	at INTEGER NOT NULL,
	by TEXT NOT NULL,
	used INTEGER,                           -- when
	failures INTEGER NOT NULL,              -- since `failed`
	failed INTEGER NOT NULL
) STRICT;
