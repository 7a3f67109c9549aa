-- Who has accepted which restoration (R12.5): two persons, each by a statement of their own.
CREATE TABLE restoration (
	restored INTEGER NOT NULL,              -- when the folder was restored
	person TEXT NOT NULL,
	statement BLOB NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (restored, person)
) STRICT, WITHOUT ROWID;
