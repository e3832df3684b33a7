-- The bytes of the artifacts that go next are doomed.
INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
SELECT a.key, a.workspace_id, p.pruned_at, 1
FROM (SELECT * FROM artifacts WHERE run_id = ?1 ORDER BY id LIMIT ?2) a JOIN pruned_runs p ON p.run_id = a.run_id
WHERE a.key IS NOT NULL
ON CONFLICT (key) DO UPDATE SET doomed = 1
