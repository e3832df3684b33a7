SELECT t.run_id, t.n, t.failures, t.lost, t.cancel_requested_at IS NOT NULL
FROM unnest($1::uuid[], $2::integer[]) AS s (run_id, n) JOIN tasks t ON t.run_id = s.run_id AND t.n = s.n
