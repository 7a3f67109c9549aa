-- What may be in the directory (LDAP), and what there differs from it.  Entries are written as a whole from these rows, so
-- that writing one twice does no harm.
CREATE TABLE directory_certificate (
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	entry TEXT NOT NULL,                    -- value of uid
	not_after INTEGER NOT NULL,
	der BLOB NOT NULL,
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_certificate_entry ON directory_certificate(entry);
CREATE INDEX directory_certificate_end ON directory_certificate(not_after);

-- Entries that wait: the row goes when nothing has changed while it was written.
CREATE TABLE directory_queue (
	entry TEXT PRIMARY KEY,                 -- value of uid, or "ca/sm2" of an authority
	change INTEGER NOT NULL,                -- rises with each change
	tries INTEGER NOT NULL,
	since INTEGER NOT NULL,
	due INTEGER NOT NULL
) STRICT;
CREATE INDEX directory_queue_due ON directory_queue(due);
