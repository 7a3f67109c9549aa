-- At most one alarm per kind and subject is open (cleared_at IS NULL).
CREATE TABLE alarm (
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL,
	subject TEXT NOT NULL,
	level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 2),
	text TEXT NOT NULL,
	count INTEGER NOT NULL DEFAULT 1,
	raised_at INTEGER NOT NULL,
	last_at INTEGER NOT NULL,
	cleared_at INTEGER,
	acknowledged_at INTEGER,
	acknowledged_by TEXT
) STRICT;
CREATE UNIQUE INDEX alarm_open ON alarm (kind, subject) WHERE cleared_at IS NULL;
