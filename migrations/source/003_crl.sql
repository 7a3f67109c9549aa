-- Lists are walked in the order of revocations, one authority at a time.
CREATE INDEX revocation_order ON revocation(ca, seq);
-- When the certificate ends: its entry leaves the lists after one that was made past that (RFC 5280 3.3).
-- NULL: it stays.
ALTER TABLE revocation ADD COLUMN expires INTEGER;
CREATE INDEX revocation_expires ON revocation(ca, expires) WHERE expires IS NOT NULL;
