-- What certificates are searched by: the organisation and unit of their holder, and their end.
CREATE TABLE registry (
	application INTEGER PRIMARY KEY REFERENCES application(seq),
	code TEXT,                              -- unified social credit code of the organisation
	unit TEXT,
	at INTEGER NOT NULL,                    -- when it was issued
	not_after INTEGER NOT NULL
) STRICT;
CREATE INDEX registry_code ON registry(code, unit) WHERE code IS NOT NULL;
CREATE INDEX registry_end ON registry(not_after);

-- Which warnings of the end were given: each once.
CREATE TABLE expiry_notice (
	application INTEGER NOT NULL REFERENCES application(seq),
	days INTEGER NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (application, days)
) STRICT, WITHOUT ROWID;
