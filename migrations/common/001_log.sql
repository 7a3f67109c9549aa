-- The log: entry is the canonical JSON, leaf is SM3(0x00 || entry).
CREATE TABLE log (
	idx INTEGER PRIMARY KEY CHECK (idx >= 0),
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	entry BLOB NOT NULL,
	sealed BLOB CHECK (sealed IS NULL OR length(sealed) = 32),
	leaf BLOB NOT NULL CHECK (length(leaf) = 32)
) STRICT;
