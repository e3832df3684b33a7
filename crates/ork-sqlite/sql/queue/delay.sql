INSERT INTO delayed (run_id, n, workspace_id, due_at) VALUES (?1, ?2, ?3, ?4)
