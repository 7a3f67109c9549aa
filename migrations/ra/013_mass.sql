-- Mass operations (R21.6, H02.4): what was previewed, ordered and done, item by item.
CREATE TABLE mass (
	id TEXT PRIMARY KEY,
	token BLOB NOT NULL,                    -- SM3 of the preview that it executes
	event INTEGER NOT NULL,                 -- 0 revoke, 1 hold, 2 release
	by TEXT NOT NULL,
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mass_item (
	mass TEXT NOT NULL REFERENCES mass(id),
	n INTEGER NOT NULL,
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	state INTEGER NOT NULL,                 -- 0 open, 1 done, 2 queued for the CA, 3 refused
	code TEXT,
	PRIMARY KEY (mass, n)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mass_item_serial ON mass_item(mass, ca, serial);
