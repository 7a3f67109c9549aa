-- Who may write when several hosts share the database (db/lease.h).
CREATE TABLE lease (
	name TEXT PRIMARY KEY,
	holder TEXT NOT NULL,                   -- place of the writer; empty: given back
	epoch INTEGER NOT NULL,                 -- rises with each taking
	beat INTEGER NOT NULL                   -- rises with each commit of the holder
) STRICT;
