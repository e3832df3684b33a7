SELECT DISTINCT workspace_id, concurrency_key FROM run_slots WHERE admitted = 0 AND (?1 IS NULL OR workspace_id = ?1) ORDER BY 1, 2
