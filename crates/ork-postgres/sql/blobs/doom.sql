-- What is due, the longest due first. It goes to the end of the order: what cannot be removed keeps nothing else waiting. What an
-- artifact names is never doomed, however it came to stand here. What somebody is just naming, or noting, is left for the next time.
UPDATE loose_blobs l SET doomed = true, kept_until = greatest(l.kept_until, $1::bigint)
FROM (
    SELECT own.key FROM loose_blobs own
    WHERE own.kept_until <= $1 AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.key = own.key)
    ORDER BY own.kept_until, own.key LIMIT $2::bigint FOR UPDATE SKIP LOCKED
) AS s
WHERE l.key = s.key
RETURNING l.key
