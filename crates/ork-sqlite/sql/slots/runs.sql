SELECT run_id FROM run_slots
WHERE concurrency_key = ?1 AND admitted = 1 AND (?2 IS NULL OR workspace_id = ?2) ORDER BY run_id LIMIT ?3
