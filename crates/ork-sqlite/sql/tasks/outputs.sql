SELECT g, task_index, status, output FROM tasks
WHERE run_id = ?1 AND g = ?2 AND (?3 IS NULL OR workspace_id = ?3) ORDER BY task_index
