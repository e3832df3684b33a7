INSERT INTO delayed (run_id, n, workspace_id, due_at)
SELECT s.run_id, s.n, s.workspace_id, s.due_at
FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::bigint[]) AS s (run_id, n, workspace_id, due_at)
ON CONFLICT (run_id, n) DO UPDATE SET due_at = excluded.due_at
