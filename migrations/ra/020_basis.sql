-- Applications that follow a certificate: update, extension, replacement (I-16).
CREATE TABLE basis (
	application INTEGER PRIMARY KEY REFERENCES application(seq),
	kind INTEGER NOT NULL,                  -- enum basis_kind
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,                   -- of the signing certificate followed
	old INTEGER NOT NULL REFERENCES application(seq)
) STRICT;
CREATE INDEX basis_old ON basis(old);
