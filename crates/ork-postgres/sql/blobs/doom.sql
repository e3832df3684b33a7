-- What was due when it was read, and still is: whoever is just naming it, or noting it for longer, comes first. It goes to the end of
-- the order: what cannot be removed keeps nothing else waiting.
UPDATE loose_blobs l SET doomed = true, kept_until = greatest(l.kept_until, $1::bigint)
WHERE l.key = ANY ($2::text[]) AND l.kept_until <= $1 AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.key = l.key)
RETURNING l.key
