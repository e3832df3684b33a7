-- Ends waits for a retry; answers what is needed to queue those tasks.
DELETE FROM delayed d
USING (
    SELECT own.place, t.g, t.task_index, t.attempt
    FROM unnest($1::uuid[], $2::integer[]) AS s (run_id, n)
    CROSS JOIN LATERAL (SELECT own.ctid AS place FROM delayed own WHERE own.run_id = s.run_id AND own.n = s.n OFFSET 0) AS own
    CROSS JOIN LATERAL (
        SELECT t.g, t.task_index, t.attempt FROM tasks t WHERE t.run_id = s.run_id AND t.n = s.n OFFSET 0
    ) AS t
) AS s
WHERE d.ctid = s.place
RETURNING d.run_id, d.n, s.g, s.task_index, s.attempt
