SELECT run_id, concurrency_limit FROM run_slots
WHERE workspace_id = $1 AND concurrency_key = $2 AND NOT admitted ORDER BY priority DESC, run_id LIMIT 1
