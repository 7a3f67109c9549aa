-- A serial number is taken when a request enters, before anything is signed.
CREATE UNIQUE INDEX request_serial ON request(ca, serial);
CREATE UNIQUE INDEX request_encrypt_serial ON request(ca, encrypt_serial) WHERE encrypt_serial IS NOT NULL;
