-- What lies on the two places, by the SM3 of its content.  The bytes and their keys are there, never here.
CREATE TABLE item (
	id INTEGER PRIMARY KEY,
	sm3 BLOB NOT NULL UNIQUE,
	segment INTEGER NOT NULL,
	slot INTEGER NOT NULL,
	position INTEGER NOT NULL,
	length INTEGER NOT NULL,
	at INTEGER NOT NULL,
	destroyed_at INTEGER                    -- its key is gone (R24.10)
) STRICT;

-- One for each approval; its row, and those of its pieces, stay as a stub when the content is destroyed.
CREATE TABLE record (
	id INTEGER PRIMARY KEY,
	key BLOB NOT NULL UNIQUE,               -- SM3 of the approval
	log TEXT NOT NULL,                      -- the CA that asked: "shifan/ca"
	application BLOB,                       -- SM3 of the application; NULL: only heard of by the log
	class TEXT NOT NULL,                    -- GOV or PUBLIC (R24.5, R24.6)
	follows INTEGER REFERENCES record(id),  -- of the certificate that this one updates (R24.8)
	at INTEGER NOT NULL,
	disposed_at INTEGER
) STRICT;
CREATE INDEX record_follows ON record(follows) WHERE follows IS NOT NULL;

-- Which items belong to a record, and what is in them (words); items are numbered as they come.
CREATE TABLE kept (
	record INTEGER NOT NULL REFERENCES record(id),
	item INTEGER NOT NULL REFERENCES item(id),
	kinds TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (record, item, kinds)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_item ON kept(item);

-- From the CA's log.  ended_at: of the revocation in force; NULL: none.
CREATE TABLE certificate (
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	record INTEGER NOT NULL REFERENCES record(id),
	part TEXT NOT NULL,                     -- sign, encrypt or single
	sm3 BLOB NOT NULL,
	not_after INTEGER NOT NULL,
	ended_at INTEGER,
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_record ON certificate(record);

-- How far each log has been followed.
CREATE TABLE feed (
	name TEXT PRIMARY KEY,
	next INTEGER NOT NULL,
	leaf BLOB
) STRICT;

-- Holds (R24.9): the statements, and which records they concern until they are released.
CREATE TABLE hold (
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	statement BLOB NOT NULL,
	at INTEGER NOT NULL,
	released BLOB,                          -- SM3 of the statement that released it
	released_statement BLOB
) STRICT;
CREATE TABLE held (
	hold INTEGER NOT NULL REFERENCES hold(id),
	record INTEGER NOT NULL REFERENCES record(id),
	PRIMARY KEY (hold, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_record ON held(record);

-- Disposals (R24.10): a list by one person, a decision by another, then the certificate of what was done.
CREATE TABLE disposal (
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,              -- SM3 of the list's statement
	state INTEGER NOT NULL,                 -- 0 proposed, 1 approved, 2 done, 3 refused
	statement BLOB NOT NULL,
	proposer TEXT NOT NULL,                 -- persons
	approver TEXT,
	approval BLOB,                          -- statement
	certificate BLOB,                       -- statement
	at INTEGER NOT NULL
) STRICT;
CREATE TABLE disposal_record (
	disposal INTEGER NOT NULL REFERENCES disposal(id),
	record INTEGER NOT NULL REFERENCES record(id),
	items INTEGER,                          -- destroyed
	until INTEGER,                          -- the lock that had passed
	PRIMARY KEY (disposal, record)
) STRICT, WITHOUT ROWID;

-- The clock as it was last believed (C13); one row.  doubted_at: since when it is not.
CREATE TABLE believed (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	doubted_at INTEGER,
	attested BLOB,                          -- statement of the first of two persons
	attested_by TEXT
) STRICT;
