-- What is due, the longest due first. What an artifact names is never removed, however it came to stand here. `OFFSET 0` keeps that a
-- look-up for each of the few rows that are wanted; as a join it would be made for all that are due.
SELECT l.key FROM loose_blobs l
WHERE l.kept_until <= $1 AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.key = l.key OFFSET 0)
ORDER BY l.kept_until, l.key LIMIT $2
