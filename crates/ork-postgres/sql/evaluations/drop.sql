DELETE FROM evaluations e USING unnest($1::uuid[], $2::integer[]) AS s (run_id, g) WHERE e.run_id = s.run_id AND e.g = s.g
