-- Bytes that are named, or doomed, are not noted again.
INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
SELECT $1::text, $2::uuid, $3::bigint, false WHERE NOT EXISTS (SELECT 1 FROM artifacts WHERE key = $1)
ON CONFLICT (key) DO UPDATE SET kept_until = greatest(loose_blobs.kept_until, excluded.kept_until) WHERE NOT loose_blobs.doomed
