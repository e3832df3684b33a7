UPDATE tasks SET cancel_requested_at = $3 WHERE run_id = $1 AND n = $2 AND cancel_requested_at IS NULL
