SELECT DISTINCT workspace_id, concurrency_key FROM held WHERE (?1 IS NULL OR workspace_id = ?1) ORDER BY 1, 2
