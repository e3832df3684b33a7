-- The bytes of the parts of logs that go next are doomed.
INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
SELECT l.blob_key, l.workspace_id, p.pruned_at, 1
FROM (SELECT * FROM log_parts WHERE run_id = ?1 ORDER BY n, attempt, start LIMIT ?2) l JOIN pruned_runs p ON p.run_id = l.run_id
WHERE l.blob_key IS NOT NULL
ON CONFLICT (key) DO UPDATE SET doomed = 1
