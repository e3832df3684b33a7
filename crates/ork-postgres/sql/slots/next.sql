SELECT run_id, n, concurrency_limit FROM held
WHERE workspace_id = $1 AND concurrency_key = $2 ORDER BY rank, seq LIMIT $3
