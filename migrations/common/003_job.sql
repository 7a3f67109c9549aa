-- When each job of the scheduler was last done (business time of its due instant).
CREATE TABLE job (
	name TEXT PRIMARY KEY,
	last INTEGER NOT NULL,
	runs INTEGER NOT NULL
) STRICT;
