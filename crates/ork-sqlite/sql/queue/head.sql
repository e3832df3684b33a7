SELECT rank, seq, run_id, n, g, task_index, attempt, concurrency_key FROM ready
WHERE lane = ?1 AND workspace_id = ?2 ORDER BY rank, seq LIMIT ?3
