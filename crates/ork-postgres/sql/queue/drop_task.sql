DELETE FROM ready q USING unnest($1::uuid[], $2::integer[]) AS s (run_id, n) WHERE q.run_id = s.run_id AND q.n = s.n
