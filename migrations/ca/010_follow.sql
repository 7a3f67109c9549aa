-- What a request follows (I-16): the signing certificate that it updates, extends or replaces.  Whether a
-- certificate is superseded is read from here, never stored.
CREATE TABLE follow (
	request INTEGER PRIMARY KEY REFERENCES request(id),
	kind INTEGER NOT NULL,                  -- enum basis_kind
	ca TEXT NOT NULL,
	serial BLOB NOT NULL
) STRICT;
CREATE INDEX follow_certificate ON follow(ca, serial);

-- Extended encryption certificates: the KMC knows their key by the serial number it was made for (userCertNo).
CREATE TABLE escrow (
	serial BLOB PRIMARY KEY,
	origin BLOB NOT NULL
) STRICT, WITHOUT ROWID;
