SELECT run_id, concurrency_limit FROM run_slots
WHERE workspace_id = ?1 AND concurrency_key = ?2 AND admitted = 0 ORDER BY priority DESC, run_id LIMIT ?3
