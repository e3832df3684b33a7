-- In order, so that two who forget the same do not wait for each other.
DELETE FROM loose_blobs l
USING (SELECT key FROM loose_blobs WHERE key = ANY ($1::text[]) AND doomed ORDER BY key FOR UPDATE) AS s
WHERE l.key = s.key
