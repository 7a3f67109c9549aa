-- Recovery cases (R21.5): what an institution's two persons ask, what our agents say, what left.
CREATE TABLE recovery (
	id TEXT PRIMARY KEY,                    -- first 16 hex digits of the SM3 of the case
	ca BLOB NOT NULL,                       -- SM3 of the CA's distinguished name
	organisation TEXT NOT NULL,
	spki BLOB NOT NULL,                     -- SM3 of the new signing key
	statement BLOB NOT NULL,
	review BLOB NOT NULL,
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_key_of ON recovery(ca, spki);

CREATE TABLE recovery_decision (
	recovery TEXT NOT NULL REFERENCES recovery(id),
	person TEXT NOT NULL,
	approve INTEGER NOT NULL,
	statement BLOB NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (recovery, person)
) STRICT, WITHOUT ROWID;

-- Side state of a key: recovered (n times, each with its case).
CREATE TABLE recovered (
	id INTEGER PRIMARY KEY,
	ca BLOB NOT NULL,
	serial BLOB NOT NULL,
	recovery TEXT NOT NULL,
	at INTEGER NOT NULL,
	UNIQUE (ca, serial, recovery)
) STRICT;
