-- Revocations in the order they were taken, and the lists made from them.  Nothing here is updated or
-- deleted: list n holds the revocations of its CA up to last_seq, so its bytes follow from rows; the newest lies ready in DIR/ORG/ROLE/crl/.
CREATE TABLE revocation (
	seq INTEGER PRIMARY KEY,
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	at INTEGER NOT NULL,
	reason INTEGER NOT NULL,                -- CRLReason, RFC 5280 5.3.1
	invalidity INTEGER,                     -- invalidityDate, 5.3.2
	statement BLOB NOT NULL,
	UNIQUE (ca, serial)
) STRICT;

CREATE TABLE crl (
	ca TEXT NOT NULL,
	number INTEGER NOT NULL,
	this_update INTEGER NOT NULL,
	next_update INTEGER NOT NULL,
	last_seq INTEGER NOT NULL,
	entries INTEGER NOT NULL,
	sm3 BLOB NOT NULL,                      -- of the whole CertificateList
	signature BLOB NOT NULL,
	PRIMARY KEY (ca, number)
) STRICT, WITHOUT ROWID;
