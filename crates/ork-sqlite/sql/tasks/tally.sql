SELECT failures, lost, cancel_requested_at IS NOT NULL FROM tasks WHERE run_id = ?1 AND n = ?2
