-- What the CA has taken on and issued.  Few rows and few indexes per certificate, bytes apart from
-- what is searched.
CREATE TABLE request (
	id INTEGER PRIMARY KEY,
	key BLOB NOT NULL UNIQUE,               -- SM3 of the approval statement
	application BLOB NOT NULL,              -- SM3 of the application statement
	state INTEGER NOT NULL,                 -- enum request_state
	ca TEXT NOT NULL,
	profile TEXT NOT NULL,
	class TEXT NOT NULL,                    -- GOV or PUBLIC (R02.1)
	entity TEXT NOT NULL,
	spki BLOB NOT NULL,                     -- SM3 of the subscriber's signing key
	serial BLOB NOT NULL,
	encrypt_serial BLOB,                    -- NULL: a single certificate
	not_before INTEGER NOT NULL,
	not_after INTEGER NOT NULL,
	at INTEGER NOT NULL
) STRICT;
CREATE INDEX request_spki ON request(spki);
CREATE INDEX request_open ON request(state, id) WHERE state < 5;

-- Durable before anything is signed: both statements and the exact bytes to sign.
CREATE TABLE request_body (
	request INTEGER PRIMARY KEY REFERENCES request(id),
	application BLOB NOT NULL,
	approval BLOB NOT NULL,
	sign_tbs BLOB NOT NULL,
	encrypt_tbs BLOB,
	km INTEGER                              -- km_respond.id that the encryption key came with
) STRICT;

-- One KMRespond answers a whole batch; kept once, as it was signed.
CREATE TABLE km_respond (
	id INTEGER PRIMARY KEY,
	der BLOB NOT NULL,
	at INTEGER NOT NULL
) STRICT;

-- The certificate's bytes are TBS (request_body) + signature.
CREATE TABLE certificate (
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	request INTEGER NOT NULL REFERENCES request(id),
	part INTEGER NOT NULL,                  -- 0 sign, 1 encrypt
	status INTEGER NOT NULL,                -- 0 good, 1 revoked: a copy, the revocation row is the fact
	signature BLOB NOT NULL,
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;

-- Encryption certificates whose end the KMC has still to be told (in use → history).
CREATE TABLE km_notice (
	serial BLOB PRIMARY KEY,
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
