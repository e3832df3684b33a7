INSERT INTO tasks (run_id, n, workspace_id, g, task_index, status) VALUES (?1, ?2, ?3, ?4, ?5, 'pending')
