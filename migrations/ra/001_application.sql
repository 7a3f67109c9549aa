-- Persons and other holders (design 9.4): the mark is HMAC-SM3 over what identifies them, under a key of the
-- organisation; the number itself stands only in the application statement.
CREATE TABLE entity (
	id TEXT PRIMARY KEY,                    -- UUID, 16 random bytes
	mark BLOB NOT NULL UNIQUE,
	kind TEXT NOT NULL,                     -- document, code, dns
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Evidence lies sealed in the record store; here are only its hash and what it was handed in as.
CREATE TABLE evidence (
	sm3 BLOB NOT NULL,
	type TEXT NOT NULL,
	size INTEGER NOT NULL,
	by TEXT NOT NULL,                       -- person
	at INTEGER NOT NULL,
	PRIMARY KEY (sm3, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE application (
	seq INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	hash BLOB NOT NULL UNIQUE,              -- SM3 of the application statement
	state INTEGER NOT NULL,                 -- enum application_state
	profile TEXT NOT NULL,
	class TEXT NOT NULL,                    -- GOV or PUBLIC (R02.1)
	authority TEXT NOT NULL,
	entity TEXT NOT NULL REFERENCES entity(id),
	subject TEXT NOT NULL,                  -- RFC 4514
	spki BLOB NOT NULL,                     -- SM3 of the subscriber's public key
	possession INTEGER NOT NULL,            -- 0: not SM2, 1: signed with the default id, 2: with the empty id
	days INTEGER NOT NULL,                  -- validity that an approval gets unless it asks for less
	days_max INTEGER NOT NULL,
	entry TEXT NOT NULL,                    -- person who entered it
	review TEXT,                            -- person who decided
	decision BLOB,                          -- SM3 of the approval or refusal statement
	at INTEGER NOT NULL
) STRICT;
CREATE INDEX application_state ON application(state, seq);
CREATE INDEX application_spki ON application(spki);

-- The statements to the letter, and what the KMC sent for the subscriber (never opened here, R06.10).
CREATE TABLE application_body (
	application INTEGER PRIMARY KEY REFERENCES application(seq),
	statement BLOB NOT NULL,
	decision BLOB,
	acceptance BLOB,
	envelope BLOB
) STRICT;

CREATE TABLE certificate (
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	application INTEGER NOT NULL REFERENCES application(seq),
	part INTEGER NOT NULL,                  -- 0 sign, 1 encrypt
	der BLOB NOT NULL,
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX certificate_application ON certificate(application, part);

CREATE TABLE history (
	application INTEGER NOT NULL REFERENCES application(seq),
	n INTEGER NOT NULL,
	at INTEGER NOT NULL,
	event TEXT NOT NULL,
	state INTEGER NOT NULL,                 -- after it
	by TEXT NOT NULL,                       -- person, or instance
	code TEXT NOT NULL,                     -- of a refusal
	text TEXT NOT NULL,
	PRIMARY KEY (application, n)
) STRICT, WITHOUT ROWID;

-- Revocations on their way to the CA: kept before anything is answered, sent ahead of everything else.
CREATE TABLE revocation (
	seq INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,              -- SM3 of the statement
	state INTEGER NOT NULL,                 -- 0 queued, 1 done, 2 refused by the CA
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	statement BLOB NOT NULL,
	by TEXT NOT NULL,
	at INTEGER NOT NULL,
	revoked_at INTEGER,
	code TEXT,
	text TEXT
) STRICT;
CREATE INDEX revocation_state ON revocation(state, seq);
