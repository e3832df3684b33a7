SELECT n, task_index, attempt + 1 FROM tasks
WHERE run_id = ?1 AND n = ?2 AND status IN ('pending', 'waiting', 'retrying')
