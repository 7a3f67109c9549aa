-- Encryption keys the KMC gave out: each belongs to one request, and none is ever certified as a signing key
-- (design 9.8).  Their certificates are those of the request.
CREATE TABLE encrypt_key (
	spki BLOB PRIMARY KEY,                  -- SM3
	request INTEGER NOT NULL REFERENCES request(id)
) STRICT, WITHOUT ROWID;
CREATE INDEX encrypt_key_request ON encrypt_key(request);
