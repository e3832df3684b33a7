SELECT count(*) FROM run_slots WHERE workspace_id = $1 AND concurrency_key = $2 AND admitted
