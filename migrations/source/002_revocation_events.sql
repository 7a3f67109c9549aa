-- Suspension (R21.7): what was one row for a revoked certificate becomes a chain of events for each serial.
-- Rows are only added; the state of a certificate is its last event, the entries of a list are those events
-- up to its last_seq that nothing up to there follows.
ALTER TABLE revocation RENAME TO revocation_only;
CREATE TABLE revocation (
	seq INTEGER PRIMARY KEY,
	ca TEXT NOT NULL,
	serial BLOB NOT NULL,
	event INTEGER NOT NULL,                 -- 0 revoke, 1 hold, 2 release
	follows INTEGER,                        -- event of the same serial before this one
	at INTEGER NOT NULL,                    -- when it was taken
	since INTEGER NOT NULL,                 -- date that lists and OCSP show: of a revoked hold, that of the hold
	reason INTEGER NOT NULL,                -- CRLReason, RFC 5280 5.3.1
	invalidity INTEGER,                     -- invalidityDate, 5.3.2
	reported INTEGER,                       -- when the report was received (R31.5)
	ground INTEGER,                         -- 0 holder, 1 institution, 2 RA, 3 CA (R21.6)
	statement BLOB NOT NULL
) STRICT;
INSERT INTO revocation (seq, ca, serial, event, at, since, reason, invalidity, statement)
	SELECT seq, ca, serial, 0, at, at, reason, invalidity, statement FROM revocation_only;
DROP TABLE revocation_only;
CREATE UNIQUE INDEX revocation_serial ON revocation(ca, serial, ifnull(follows, 0));
CREATE UNIQUE INDEX revocation_follows ON revocation(follows) WHERE follows IS NOT NULL;
CREATE INDEX revocation_holds ON revocation(at) WHERE event = 1;
