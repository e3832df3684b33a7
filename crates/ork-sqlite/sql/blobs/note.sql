-- Bytes that are named, or doomed, are not noted again.
INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
SELECT ?1, ?2, ?3, 0 WHERE NOT EXISTS (SELECT 1 FROM artifacts WHERE key = ?1)
ON CONFLICT (key) DO UPDATE SET kept_until = max(kept_until, excluded.kept_until) WHERE NOT doomed
