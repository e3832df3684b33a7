-- The bytes of the artifacts that go next are doomed.
INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
SELECT a.key, a.workspace_id, p.pruned_at, true
FROM (SELECT * FROM artifacts WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id, id LIMIT $2) AS a
JOIN pruned_runs p ON p.run_id = a.run_id
WHERE a.key IS NOT NULL
ON CONFLICT (key) DO UPDATE SET doomed = true
