-- The CARequest that a KMRespond answers: both belong to the record (R24.2).  NULL: from before.
ALTER TABLE km_respond ADD COLUMN request BLOB;
