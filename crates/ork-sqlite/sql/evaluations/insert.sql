INSERT INTO evaluations (run_id, g, workspace_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING
