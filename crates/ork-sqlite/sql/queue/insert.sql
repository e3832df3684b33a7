INSERT INTO ready (lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt, concurrency_key, queued_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
