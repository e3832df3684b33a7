-- What is due, the longest due first. It goes to the end of the order: what cannot be removed keeps nothing else waiting. What an
-- artifact names is never doomed, however it came to stand here.
UPDATE loose_blobs SET doomed = ?3, kept_until = max(kept_until, ?1)
WHERE key IN (
    SELECT l.key FROM loose_blobs l
    WHERE l.kept_until <= ?1 AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.key = l.key)
    ORDER BY l.kept_until, l.key LIMIT ?2)
RETURNING key
