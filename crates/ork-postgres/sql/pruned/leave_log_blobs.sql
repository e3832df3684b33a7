-- The bytes of the parts of logs that go next are doomed.
INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
SELECT l.blob_key, l.workspace_id, p.pruned_at, true
FROM (
    SELECT run_id, workspace_id, blob_key FROM log_parts
    WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id, n, attempt, start LIMIT $2
) AS l
JOIN pruned_runs p ON p.run_id = l.run_id
WHERE l.blob_key IS NOT NULL
ON CONFLICT (key) DO UPDATE SET doomed = true
