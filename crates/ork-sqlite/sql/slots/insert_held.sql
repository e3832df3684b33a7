INSERT INTO held (run_id, n, workspace_id, g, task_index, attempt, lane, rank, seq, concurrency_key, concurrency_limit)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
