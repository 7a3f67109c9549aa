-- What people are told (R30.6, R31.5).  The table is the notice; mail is only its faster way.
CREATE TABLE notice (
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL,                     -- application-refused, acceptance-lapsed …
	addressee INTEGER NOT NULL,             -- enum notice_to
	recipient TEXT NOT NULL,                -- UUID of the holder or officer, name of the department
	subject TEXT NOT NULL,                  -- application/ID or CA/SERIAL
	zh TEXT NOT NULL,
	en TEXT NOT NULL,
	at INTEGER NOT NULL,
	mail INTEGER NOT NULL,                  -- 0 waiting, 1 sent, 2 nobody takes it at that address
	sent_at INTEGER
) STRICT;
CREATE INDEX notice_recipient ON notice(recipient, id);
CREATE INDEX notice_mail ON notice(id) WHERE mail = 0;
