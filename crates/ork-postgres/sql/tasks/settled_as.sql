-- For outcomes without a lease: is there such a task, and how did the attempt under that lease, or the lease, end?
SELECT t.n IS NOT NULL, coalesce(CASE WHEN t.attempt + (t.open_as IS NOT NULL)::integer = s.attempt AND t.lease = s.lease THEN t.outcome END, a.outcome)
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[]) WITH ORDINALITY AS s (run_id, n, attempt, lease, place)
LEFT JOIN LATERAL (
    SELECT * FROM tasks own WHERE own.run_id = s.run_id AND own.n = s.n AND ($5::uuid IS NULL OR own.workspace_id = $5) OFFSET 0
) AS t ON true
LEFT JOIN LATERAL (
    SELECT own.outcome FROM attempts own
    WHERE own.run_id = t.run_id AND own.n = t.n AND own.attempt = s.attempt AND own.lease = s.lease OFFSET 0
) AS a ON true
ORDER BY s.place
