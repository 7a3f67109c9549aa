-- Records that the vault destroyed after their term (R24.10), of which the own copies are gone too: the stub.
CREATE TABLE disposed (
	record BLOB PRIMARY KEY,                -- SM3 of the approval
	position INTEGER NOT NULL,              -- of the entry in the vault's log
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX disposed_position ON disposed(position);
