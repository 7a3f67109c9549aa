-- Right edge of the tree over the entries that were followed: its root must be what the CA's heads say.
CREATE TABLE feed_edge (
	name TEXT PRIMARY KEY,                  -- "shifan/ca"
	edge BLOB NOT NULL                      -- size, then the nodes of its binary digits, lowest first
) STRICT;
