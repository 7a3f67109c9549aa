-- Three key stores of the KMC (R06.13, GB/T 25056): standby, in use, history.  Keys are wrapped by the
-- signer; mac binds each row's columns together, so that neither a flipped bit nor an exchange of
-- rows goes unseen.
CREATE TABLE standby (
	id INTEGER PRIMARY KEY,
	pub BLOB NOT NULL,                      -- X || Y
	wrapped BLOB NOT NULL,
	mac BLOB NOT NULL,
	at INTEGER NOT NULL
) STRICT;

CREATE TABLE in_use (
	ca BLOB NOT NULL,                       -- SM3 of the CA's distinguished name
	serial BLOB NOT NULL,                   -- userCertNo
	sign_key BLOB NOT NULL,                 -- SM3 of the subscriber's signing key
	pub BLOB NOT NULL,
	wrapped BLOB NOT NULL,
	mac BLOB NOT NULL,
	not_before INTEGER NOT NULL,
	not_after INTEGER NOT NULL,
	user_name BLOB,
	region BLOB,                            -- dsCode: must be stored when present
	extend BLOB,
	at INTEGER NOT NULL,
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
	ca BLOB NOT NULL,
	serial BLOB NOT NULL,
	sign_key BLOB NOT NULL,
	pub BLOB NOT NULL,
	wrapped BLOB NOT NULL,
	mac BLOB NOT NULL,
	not_before INTEGER NOT NULL,
	not_after INTEGER NOT NULL,
	user_name BLOB,
	region BLOB,
	extend BLOB,
	at INTEGER NOT NULL,                    -- when it came into use
	ended INTEGER NOT NULL,                 -- when it came here
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;

-- taskNO is kept for ever (design 9.6): the same task gets the same bytes again, another message
-- under its number is refused.
CREATE TABLE task (
	id INTEGER PRIMARY KEY,
	ca BLOB NOT NULL,
	number BLOB NOT NULL,
	request BLOB NOT NULL,                  -- SM3 of the CARequest
	answer BLOB,                            -- NULL while in work
	at INTEGER NOT NULL,
	UNIQUE (ca, number)
) STRICT;
