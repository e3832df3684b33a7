-- Ends waits for a retry; answers what is needed to queue those tasks.
DELETE FROM delayed d USING unnest($1::uuid[], $2::integer[]) AS s (run_id, n), tasks t
WHERE d.run_id = s.run_id AND d.n = s.n AND t.run_id = s.run_id AND t.n = s.n
RETURNING d.run_id, d.n, t.g, t.task_index, t.attempt
