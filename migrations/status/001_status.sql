-- A copy of what the CA's log says; an empty database is filled from entry 0 again.
CREATE TABLE certificate (
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	not_before INTEGER NOT NULL,
	not_after INTEGER NOT NULL,
	sm3 BLOB NOT NULL,
	revoked_at INTEGER,                     -- NULL: good
	reason INTEGER,                         -- CRLReason
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;

-- How far the log has been followed, and what its last leaf was.
CREATE TABLE feed (
	name TEXT PRIMARY KEY,                  -- "shifan/ca"
	next INTEGER NOT NULL,
	leaf BLOB                               -- of entry next - 1
) STRICT;

-- Announced by the log; fetched (der) when it was possible.
CREATE TABLE crl (
	ca TEXT PRIMARY KEY,
	announced INTEGER NOT NULL,             -- number
	announced_sm3 BLOB NOT NULL,
	number INTEGER,
	this_update INTEGER,
	next_update INTEGER,
	der BLOB
) STRICT;
