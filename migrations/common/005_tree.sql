-- Nodes above 256 leaves (height 1), 256 such nodes (height 2) and so on (evidence/log_tree.h).
CREATE TABLE log_tile (
	height INTEGER NOT NULL CHECK (height BETWEEN 1 AND 7),
	idx INTEGER NOT NULL CHECK (idx >= 0),
	node BLOB NOT NULL CHECK (length(node) = 32),
	PRIMARY KEY (height, idx)
) STRICT;
-- Signed heads of the own log.
CREATE TABLE log_head (
	size INTEGER NOT NULL CHECK (size >= 0),
	at INTEGER NOT NULL,
	root BLOB NOT NULL CHECK (length(root) = 32),
	statement BLOB NOT NULL,
	PRIMARY KEY (size, at)
) STRICT;
-- Heads of other instances' logs that were checked here: each continues the one before it.
CREATE TABLE witnessed (
	log TEXT NOT NULL,
	size INTEGER NOT NULL CHECK (size >= 0),
	at INTEGER NOT NULL,
	root BLOB NOT NULL CHECK (length(root) = 32),
	statement BLOB NOT NULL,
	PRIMARY KEY (log, size, at)
) STRICT;
