DELETE FROM held h USING unnest($1::uuid[], $2::integer[]) AS s (run_id, n) WHERE h.run_id = s.run_id AND h.n = s.n
