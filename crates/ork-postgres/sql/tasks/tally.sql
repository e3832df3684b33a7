SELECT s.run_id, s.n, t.failures, t.lost, t.cancel_requested_at IS NOT NULL, t.open_as,
       EXISTS (SELECT 1 FROM steps own WHERE own.run_id = s.run_id AND own.n = s.n AND own.attempt = t.attempt + 1 OFFSET 0) AS begun
FROM unnest($1::uuid[], $2::integer[]) AS s (run_id, n)
CROSS JOIN LATERAL (SELECT * FROM tasks own WHERE own.run_id = s.run_id AND own.n = s.n OFFSET 0) AS t
