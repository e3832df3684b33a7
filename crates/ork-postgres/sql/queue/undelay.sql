DELETE FROM delayed d USING unnest($1::uuid[], $2::integer[]) AS s (run_id, n) WHERE d.run_id = s.run_id AND d.n = s.n
RETURNING d.run_id, d.n, (SELECT t.g FROM tasks t WHERE t.run_id = d.run_id AND t.n = d.n)
