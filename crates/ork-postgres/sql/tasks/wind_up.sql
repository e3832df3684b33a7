-- What was lost stays lost.
UPDATE tasks t SET status = 'pending', open_as = CASE WHEN t.open_as = 'lost' THEN 'lost' ELSE 'cancelled' END
FROM unnest($1::uuid[], $2::integer[]) AS s (run_id, n)
WHERE t.run_id = ANY (ARRAY[s.run_id]) AND t.n = s.n AND t.open_as IS NOT NULL
