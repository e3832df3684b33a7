-- For outcomes without a lease: is there such a task, and how did the attempt under that lease end?
SELECT t.n IS NOT NULL, coalesce(CASE WHEN t.attempt = s.attempt AND t.lease = s.lease THEN t.outcome END, a.outcome)
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[]) WITH ORDINALITY AS s (run_id, n, attempt, lease, place)
LEFT JOIN tasks t ON t.run_id = s.run_id AND t.n = s.n AND ($5::uuid IS NULL OR t.workspace_id = $5)
LEFT JOIN attempts a ON a.run_id = t.run_id AND a.n = t.n AND a.attempt = s.attempt AND a.lease = s.lease
ORDER BY s.place
