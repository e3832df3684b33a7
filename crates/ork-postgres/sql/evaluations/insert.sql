INSERT INTO evaluations (run_id, g, workspace_id)
SELECT s.run_id, s.g, s.workspace_id FROM unnest($1::uuid[], $2::integer[], $3::uuid[]) AS s (run_id, g, workspace_id)
ON CONFLICT DO NOTHING
