-- Tasks of runs without a lease whose attempt is not over; of all groups, or of those without a `run_if`.
SELECT t.run_id, t.g, t.n, t.attempt + 1 AS attempt, t.status = 'waiting' AS is_waiting
FROM unnest($1::uuid[], $2::boolean[]) AS s (run_id, spare_run_if)
CROSS JOIN LATERAL (
    SELECT * FROM tasks own
    WHERE own.run_id = s.run_id AND own.open_as IS NOT NULL AND ($3::integer IS NULL OR own.n = $3)
      AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.run_id = own.run_id AND l.n = own.n OFFSET 0)
      AND NOT (s.spare_run_if AND EXISTS (SELECT 1 FROM groups gr
                                          WHERE gr.run_id = own.run_id AND gr.g = own.g AND gr.run_if IS NOT NULL OFFSET 0))
    OFFSET 0
) AS t
ORDER BY t.run_id, t.n
