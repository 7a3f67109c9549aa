-- Responder certificates that followed those of the ceremony; the newest counts.
CREATE TABLE responder (
	key TEXT NOT NULL,                      -- "ocsp-sm2"
	not_after INTEGER NOT NULL,
	der BLOB NOT NULL,
	PRIMARY KEY (key, not_after)
) STRICT;
