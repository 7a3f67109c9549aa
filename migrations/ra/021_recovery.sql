-- Recovery of encryption keys (R21.5): a case, its review, and what the key-management centre sealed for the new key.
CREATE TABLE recovery (
	id TEXT PRIMARY KEY,                    -- first 16 hex digits of the SM3 of the case
	state INTEGER NOT NULL,                 -- enum ra_recovery_state
	entity TEXT NOT NULL REFERENCES entity(id),
	ca TEXT NOT NULL,
	spki BLOB NOT NULL,                     -- SM3 of the new signing key
	entry TEXT NOT NULL,
	review TEXT,
	statement BLOB NOT NULL,
	decision BLOB,
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_spki ON recovery(spki);

CREATE TABLE recovered_key (
	recovery TEXT NOT NULL REFERENCES recovery(id),
	serial BLOB NOT NULL,
	envelope BLOB NOT NULL,
	PRIMARY KEY (recovery, serial)
) STRICT, WITHOUT ROWID;
