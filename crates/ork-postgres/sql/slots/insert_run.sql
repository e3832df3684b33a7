INSERT INTO run_slots (run_id, workspace_id, concurrency_key, concurrency_limit, priority, admitted)
VALUES ($1, $2, $3, $4, $5, false)
