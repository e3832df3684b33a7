SELECT failures, lost, cancel_requested_at IS NOT NULL, open_as,
       EXISTS (SELECT 1 FROM steps s WHERE s.run_id = tasks.run_id AND s.n = tasks.n AND s.attempt = tasks.attempt + 1)
FROM tasks WHERE run_id = ?1 AND n = ?2
