-- Judicial recovery (R06.14): a procedure of its own, with the legal document, decided by recovery officers alone.
CREATE TABLE judicial (
	id TEXT PRIMARY KEY,                    -- first 16 hex digits of the SM3 of the order
	ca BLOB NOT NULL,                       -- SM3 of the CA's distinguished name
	person TEXT NOT NULL,
	statement BLOB NOT NULL,
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE judicial_decision (
	judicial TEXT NOT NULL REFERENCES judicial(id),
	person TEXT NOT NULL,
	approve INTEGER NOT NULL,
	statement BLOB NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (judicial, person)
) STRICT, WITHOUT ROWID;
