-- One submit at a time, where a quota is set. Each new run holds the row as its foreign key does, and this lets it.
SELECT id FROM workspaces WHERE id = $1 FOR NO KEY UPDATE
