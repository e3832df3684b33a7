SELECT t.g, t.task_index, t.attempt + 1, gr.lane, -gr.priority, gr.concurrency_key, gr.concurrency_limit
FROM tasks t JOIN groups gr ON gr.run_id = t.run_id AND gr.g = t.g
WHERE t.run_id = ?1 AND t.n = ?2 AND (t.status = 'pending' OR t.status = 'waiting' OR t.status = 'retrying')
